"""Decodes the nav_msgs.OccupancyGrid in a file, and tells what is in it as JSON."""

import json
import sys

from dimos_lcm.nav_msgs import OccupancyGrid

with open(sys.argv[1], "rb") as file:
    grid = OccupancyGrid.lcm_decode(file.read())
cells = [cell - 256 if cell > 127 else cell for cell in grid.data]
print(
    json.dumps(
        {
            "frame": grid.header.frame_id,
            "width": grid.info.width,
            "height": grid.info.height,
            "resolution": grid.info.resolution,
            "origin": [grid.info.origin.position.x, grid.info.origin.position.y],
            "cells": [sum(cell == -1 for cell in cells), sum(0 <= cell < 50 for cell in cells), sum(cell >= 50 for cell in cells)],
        }
    )
)
