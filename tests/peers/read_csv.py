"""Says of each row of a table what its cells are, by column, as a line of JSON. Argument: the file."""

import csv
import json
import sys

with open(sys.argv[1], newline="") as file:
    for row in csv.DictReader(file):
        print(json.dumps(row))
