/*
 * The side of C for message types: the code of the real lcm-gen, timed as `src/types/stopwatch.rs` times ours.
 *
 *     types TYPE OPERATION SECONDS PADDING FILE
 *
 * reads one message from FILE and prints `ns=`, the median time of the operation. PADDING bytes lie on the heap between
 * the message, the buffer and the value. What the operations are for, and what they are compared with, is written in
 * `src/types`; keep the two alike, or the comparison is none.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "geometry_msgs_PoseStamped.h"
#include "geometry_msgs_Twist.h"
#include "nav_msgs_Path.h"
#include "sensor_msgs_Image.h"
#include "sensor_msgs_Imu.h"
#include "sensor_msgs_JointState.h"
#include "sensor_msgs_LaserScan.h"
#include "sensor_msgs_PointCloud2.h"
#include "tf2_msgs_TFMessage.h"

#define TYPES(X)                                                                                                       \
    X(geometry_msgs_PoseStamped)                                                                                       \
    X(geometry_msgs_Twist)                                                                                             \
    X(nav_msgs_Path)                                                                                                   \
    X(sensor_msgs_Image)                                                                                               \
    X(sensor_msgs_Imu)                                                                                                 \
    X(sensor_msgs_JointState)                                                                                          \
    X(sensor_msgs_LaserScan)                                                                                           \
    X(sensor_msgs_PointCloud2)                                                                                         \
    X(tf2_msgs_TFMessage)

/* As in the stopwatch of ours. */
#define BATCH_NS 100000

/* The message as it was received, and a buffer for the same once more. */
static struct {
    uint8_t *bytes, *buffer;
    int length;
} message;

/* An operation, done `times` times. */
typedef void operation_t(uint64_t times);

/* What is measured of a type. `check` makes the value to be encoded, and tells whether its bytes are those received. */
struct type {
    const char *name;
    int (*check)(void);
    operation_t *decode, *encode, *measure_and_encode;
};

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("types: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

/* Has the compiler believe that what lies at `at` is looked at and changed here, and all global data too. */
static inline void black_box(const void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

#define OPERATIONS(T)                                                                                                  \
    static T T##_value;                                                                                                \
    static int T##_check(void)                                                                                         \
    {                                                                                                                  \
        return T##_decode(message.bytes, 0, message.length, &T##_value) == message.length &&                           \
               T##_encoded_size(&T##_value) == message.length &&                                                       \
               T##_encode(message.buffer, 0, message.length, &T##_value) == message.length &&                          \
               memcmp(message.buffer, message.bytes, message.length) == 0;                                             \
    }                                                                                                                  \
    static void T##_do_decode(uint64_t times)                                                                          \
    {                                                                                                                  \
        for (; times > 0; times--) {                                                                                   \
            T value;                                                                                                   \
            if (T##_decode(message.bytes, 0, message.length, &value) < 0)                                              \
                fail("cannot decode");                                                                                 \
            black_box(&value);                                                                                         \
            T##_decode_cleanup(&value);                                                                                \
        }                                                                                                              \
    }                                                                                                                  \
    static void T##_do_encode(uint64_t times)                                                                          \
    {                                                                                                                  \
        for (; times > 0; times--) {                                                                                   \
            if (T##_encode(message.buffer, 0, message.length, &T##_value) < 0)                                         \
                fail("cannot encode");                                                                                 \
            black_box(message.buffer);                                                                                 \
        }                                                                                                              \
    }                                                                                                                  \
    static void T##_do_measure_and_encode(uint64_t times)                                                              \
    {                                                                                                                  \
        for (; times > 0; times--) {                                                                                   \
            int length = T##_encoded_size(&T##_value);                                                                 \
            if (T##_encode(message.buffer, 0, length, &T##_value) < 0)                                                 \
                fail("cannot encode");                                                                                 \
            black_box(message.buffer);                                                                                 \
        }                                                                                                              \
    }
TYPES(OPERATIONS)

#define ENTRY(T) { #T, T##_check, T##_do_decode, T##_do_encode, T##_do_measure_and_encode },
static const struct type types[] = { TYPES(ENTRY) };

static const struct type *find_type(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    fail("no type %s", name);
    return NULL;
}

static operation_t *find_operation(const struct type *type, const char *name)
{
    if (strcmp(name, "decode") == 0)
        return type->decode;
    if (strcmp(name, "encode") == 0)
        return type->encode;
    if (strcmp(name, "measure-and-encode") == 0)
        return type->measure_and_encode;
    fail("no operation %s", name);
    return NULL;
}

/* Without stdio, whose buffers would leave holes on the heap. */
static void read_message(const char *path, size_t padding)
{
    struct stat status;
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &status) || status.st_size <= 0 || status.st_size > INT_MAX)
        fail("cannot read %s", path);
    message.length = (int) status.st_size;
    message.bytes = malloc(message.length);
    black_box(malloc(padding));
    message.buffer = calloc(message.length, 1);
    black_box(malloc(padding));
    if (!message.bytes || !message.buffer || read(file, message.bytes, message.length) != message.length)
        fail("cannot read %s", path);
    close(file);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

static uint64_t batch_ns(operation_t *operation, uint64_t times)
{
    uint64_t start = now_ns();
    operation(times);
    return now_ns() - start;
}

static int by_size(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *) a, right = *(const uint64_t *) b;
    return (left > right) - (left < right);
}

/* The median time of an operation: batches are made long enough for the clock, then repeated for the time given. */
static double median_ns(operation_t *operation, double seconds)
{
    uint64_t times = 1;
    while (batch_ns(operation, times) < BATCH_NS)
        times *= 2;
    uint64_t limit = (uint64_t) (seconds * 1e9) / BATCH_NS + 1, batches = 0;
    uint64_t *sorted = calloc(limit, sizeof *sorted);
    if (!sorted)
        fail("no memory");
    uint64_t start = now_ns();
    while (batches < limit && (batches == 0 || (double) (now_ns() - start) < seconds * 1e9))
        sorted[batches++] = batch_ns(operation, times);
    qsort(sorted, batches, sizeof *sorted, by_size);
    return (double) sorted[(batches + 1) / 2 - 1] / (double) times;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: types TYPE OPERATION SECONDS PADDING FILE\n");
        return 2;
    }
    const struct type *type = find_type(argv[1]);
    operation_t *operation = find_operation(type, argv[2]);
    read_message(argv[5], strtoul(argv[4], NULL, 10));
    if (!type->check())
        fail("C does not encode %s as it stands in %s", type->name, argv[5]);
    printf("ns=%.4f\n", median_ns(operation, atof(argv[3])));
    return 0;
}
