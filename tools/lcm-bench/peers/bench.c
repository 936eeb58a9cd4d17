/*
 * The side of C LCM: the same roles, options, orders and answers as the workers in `src/worker`, and the same loops.
 *
 * What each role is for, and how its figures become a table, is written there. Everything that is sent or printed here has a
 * counterpart in Rust; keep the two alike, or the comparison is none.
 */
#include <getopt.h>
#include <lcm/lcm.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Numbers with this bit are of warm-up messages, which nobody counts. */
#define WARM_UP (UINT64_C(1) << 63)

/* How many messages lie between two looks at the clock, where there is no rate to keep. */
#define MESSAGES_PER_LOOK 64

/* What `--role` and the other options say; `src/worker/job.rs` documents them. */
static struct {
    const char *role, *channel;
    uint32_t channels, bytes, recv_buf_size;
    uint64_t limit, warm_up;
    double seconds, hz;
    int timeout_ms, queue;
} job = { .role = "", .channel = "BENCH", .bytes = 64, .limit = UINT64_MAX, .seconds = 1e9, .queue = -1 };

/* What a receiver has seen. The thread that handles messages writes, the control thread reads. */
static struct {
    _Atomic uint64_t received, odd, next, first_ns, last_ns, spanned;
} tally;

static uint64_t clock_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

static uint64_t load(_Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void store(_Atomic uint64_t *value, uint64_t what)
{
    atomic_store_explicit(value, what, memory_order_relaxed);
}

static uint64_t number_of(const lcm_recv_buf_t *message)
{
    uint64_t number = WARM_UP;
    if (message->data_size >= sizeof number)
        memcpy(&number, message->data, sizeof number);
    return number;
}

static void say(const char *line)
{
    puts(line);
    fflush(stdout);
}

static void count(uint64_t number, uint32_t bytes)
{
    if (number & WARM_UP)
        return;
    if (bytes != job.bytes || number < load(&tally.next)) {
        store(&tally.odd, load(&tally.odd) + 1);
        return;
    }
    uint64_t received = load(&tally.received) + 1;
    store(&tally.next, number + 1);
    store(&tally.received, received);
    if (received == 1)
        store(&tally.first_ns, clock_ns(CLOCK_MONOTONIC));
    if (received % MESSAGES_PER_LOOK == 0) {
        store(&tally.last_ns, clock_ns(CLOCK_MONOTONIC));
        store(&tally.spanned, received - 1);
    }
}

/* Waits until nothing more comes in, which a queue may delay after the sender has ended. */
static void settle(void)
{
    uint64_t last = load(&tally.received);
    for (int quiet = 0, looks = 0; quiet < 3 && looks < 200; looks++) {
        usleep(100000);
        uint64_t now = load(&tally.received);
        quiet = now == last ? quiet + 1 : 0;
        last = now;
    }
}

/* Answers the orders on stdin, and ends the process on `stop` or when nobody is there to give orders. */
static void *obey(void *unused)
{
    char line[64];
    uint64_t cpu_before = 0;
    while (fgets(line, sizeof line, stdin) && strcmp(line, "mark\n") == 0) {
        cpu_before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        say("marked");
    }
    settle();
    uint64_t spanned = load(&tally.spanned);
    printf("received=%llu odd=%llu spanned=%llu span_ns=%llu cpu_ns=%llu\n", (unsigned long long) load(&tally.received),
           (unsigned long long) load(&tally.odd), (unsigned long long) spanned,
           (unsigned long long) (spanned ? load(&tally.last_ns) - load(&tally.first_ns) : 0),
           (unsigned long long) (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_before));
    fflush(stdout);
    _exit(0);
    return unused;
}

static void on_counted(const lcm_recv_buf_t *message, const char *channel, void *user)
{
    count(number_of(message), message->data_size);
}

static void on_ping(const lcm_recv_buf_t *message, const char *channel, void *user)
{
    lcm_publish(message->lcm, "PONG", message->data, message->data_size);
    count(number_of(message), message->data_size);
}

static uint64_t ponged;

static void on_pong(const lcm_recv_buf_t *message, const char *channel, void *user)
{
    ponged = number_of(message);
}

static int subscribe(lcm_t *lcm, const char *channel, lcm_msg_handler_t handler)
{
    lcm_subscription_t *subscription = lcm_subscribe(lcm, channel, handler, NULL);
    if (!subscription)
        return -1;
    return job.queue < 0 ? 0 : lcm_subscription_set_queue_capacity(subscription, job.queue);
}

static int receive(lcm_t *lcm, const char *channel, lcm_msg_handler_t handler)
{
    pthread_t control;
    if (subscribe(lcm, channel, handler) || pthread_create(&control, NULL, obey, NULL))
        return 1;
    say("ready");
    while (lcm_handle(lcm) == 0) {
    }
    return 1;
}

static int wait_for_go(void)
{
    char line[64];
    say("ready");
    return fgets(line, sizeof line, stdin) && strcmp(line, "go\n") == 0;
}

static int by_size(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *) a, right = *(const uint64_t *) b;
    return (left > right) - (left < right);
}

/* The smallest of the sorted values that `percent` of them do not exceed. */
static uint64_t percentile(const uint64_t *sorted, uint64_t values, uint64_t percent)
{
    uint64_t rank = (values * percent + 99) / 100;
    return values ? sorted[rank ? rank - 1 : 0] : 0;
}

/* One trip; its time, or 0 if it was lost. */
static uint64_t trip(lcm_t *lcm, uint8_t *payload, uint64_t number)
{
    memcpy(payload, &number, sizeof number);
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    lcm_publish(lcm, "PING", payload, job.bytes);
    while (ponged != number) {
        if (job.timeout_ms == 0) {
            lcm_handle(lcm);
        } else {
            lcm_handle_timeout(lcm, job.timeout_ms);
            if (ponged != number && clock_ns(CLOCK_MONOTONIC) - start >= (uint64_t) job.timeout_ms * 1000000u)
                return 0;
        }
    }
    return clock_ns(CLOCK_MONOTONIC) - start;
}

static int ping(lcm_t *lcm, uint8_t *payload)
{
    uint64_t *times = calloc(job.limit, sizeof *times);
    uint64_t trips = 0, lost = 0;
    ponged = UINT64_MAX;
    if (!times || subscribe(lcm, "PONG", on_pong))
        return 1;
    for (uint64_t number = 0; number < job.warm_up; number++)
        trip(lcm, payload, number | WARM_UP);
    if (!wait_for_go())
        return 1;
    uint64_t start = clock_ns(CLOCK_MONOTONIC);
    for (uint64_t number = 0; number < job.limit && (clock_ns(CLOCK_MONOTONIC) - start) / 1e9 < job.seconds; number++) {
        uint64_t time = trip(lcm, payload, number);
        if (time)
            times[trips++] = time;
        else
            lost++;
    }
    qsort(times, trips, sizeof *times, by_size);
    printf("trips=%llu lost=%llu p50_ns=%llu p99_ns=%llu\n", (unsigned long long) trips, (unsigned long long) lost,
           (unsigned long long) percentile(times, trips, 50), (unsigned long long) percentile(times, trips, 99));
    return 0;
}

static char (*names)[64];

/* Writes the names of the channels that take turns. */
static int name_channels(void)
{
    names = calloc(job.channels + 1, sizeof *names);
    for (uint32_t i = 0; names && i < job.channels; i++)
        snprintf(names[i], sizeof names[i], "%s%u", job.channel, i);
    return names ? 0 : -1;
}

/* Publishes message `number` on the channel whose turn it is. */
static int publish(lcm_t *lcm, uint8_t *payload, uint64_t number)
{
    const char *channel = job.channels ? names[(number & ~WARM_UP) % job.channels] : job.channel;
    memcpy(payload, &number, sizeof number);
    return lcm_publish(lcm, channel, payload, job.bytes);
}

static void sleep_until(uint64_t due_ns)
{
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (now < due_ns) {
        struct timespec left = { (time_t) ((due_ns - now) / 1000000000u), (long) ((due_ns - now) % 1000000000u) };
        nanosleep(&left, NULL);
    }
}

static int send_all(lcm_t *lcm, uint8_t *payload)
{
    uint64_t errors = 0, number = 0, calls_limit = 0;
    if (job.hz > 0)
        calls_limit = (uint64_t) (job.hz * job.seconds) + 1;
    uint64_t *calls = calloc(calls_limit + 1, sizeof *calls);
    if (!calls || name_channels())
        return 1;
    for (uint64_t warm = 0; warm < job.warm_up; warm++)
        publish(lcm, payload, warm | WARM_UP);
    if (!wait_for_go())
        return 1;
    uint64_t cpu_before = clock_ns(CLOCK_PROCESS_CPUTIME_ID), start = clock_ns(CLOCK_MONOTONIC);
    for (; number < job.limit; number++) {
        if (job.hz > 0) {
            if (number / job.hz >= job.seconds || number >= calls_limit)
                break;
            sleep_until(start + (uint64_t) (number / job.hz * 1e9));
            uint64_t before = clock_ns(CLOCK_MONOTONIC);
            errors += publish(lcm, payload, number) != 0;
            calls[number] = clock_ns(CLOCK_MONOTONIC) - before;
        } else {
            if (number % MESSAGES_PER_LOOK == 0 && (clock_ns(CLOCK_MONOTONIC) - start) / 1e9 >= job.seconds)
                break;
            errors += publish(lcm, payload, number) != 0;
        }
    }
    uint64_t elapsed = clock_ns(CLOCK_MONOTONIC) - start, cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_before;
    uint64_t timed = job.hz > 0 ? number : 0;
    qsort(calls, timed, sizeof *calls, by_size);
    printf("sent=%llu errors=%llu elapsed_ns=%llu cpu_ns=%llu call_p50_ns=%llu\n", (unsigned long long) number,
           (unsigned long long) errors, (unsigned long long) elapsed, (unsigned long long) cpu,
           (unsigned long long) percentile(calls, timed, 50));
    return 0;
}

static int read_options(int argc, char **argv)
{
    static const struct option options[] = {
        { "channel", required_argument, NULL, 'c' },   { "channels", required_argument, NULL, 'C' },
        { "bytes", required_argument, NULL, 'b' },     { "limit", required_argument, NULL, 'l' },
        { "seconds", required_argument, NULL, 's' },   { "warm-up", required_argument, NULL, 'w' },
        { "hz", required_argument, NULL, 'h' },        { "timeout-ms", required_argument, NULL, 't' },
        { "queue", required_argument, NULL, 'q' },     { "recv-buf-size", required_argument, NULL, 'r' },
        { NULL, 0, NULL, 0 },
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'c': job.channel = optarg; break;
        case 'C': job.channels = (uint32_t) atoi(optarg); break;
        case 'b': job.bytes = (uint32_t) atoi(optarg); break;
        case 'l': job.limit = strtoull(optarg, NULL, 10); break;
        case 's': job.seconds = atof(optarg); break;
        case 'w': job.warm_up = strtoull(optarg, NULL, 10); break;
        case 'h': job.hz = atof(optarg); break;
        case 't': job.timeout_ms = atoi(optarg); break;
        case 'q': job.queue = atoi(optarg); break;
        case 'r': job.recv_buf_size = (uint32_t) atoi(optarg); break;
        default: return -1;
        }
    }
    if (optind != argc - 1 || job.bytes < sizeof(uint64_t))
        return -1;
    job.role = argv[optind];
    return 0;
}

int main(int argc, char **argv)
{
    if (read_options(argc, argv)) {
        fprintf(stderr, "bench: wrong usage\n");
        return 2;
    }
    char url[128] = "udpm://239.255.76.67:7667?ttl=0";
    if (job.recv_buf_size)
        snprintf(url, sizeof url, "udpm://239.255.76.67:7667?ttl=0&recv_buf_size=%u", job.recv_buf_size);
    lcm_t *lcm = lcm_create(url);
    uint8_t *payload = malloc(job.bytes);
    if (!lcm || !payload)
        return 1;
    memset(payload, 0xa5, job.bytes);
    int status = 2;
    if (strcmp(job.role, "echo") == 0)
        status = receive(lcm, "PING", on_ping);
    else if (strcmp(job.role, "count") == 0)
        status = receive(lcm, job.channel, on_counted);
    else if (strcmp(job.role, "ping") == 0)
        status = ping(lcm, payload);
    else if (strcmp(job.role, "send") == 0)
        status = send_all(lcm, payload);
    lcm_destroy(lcm);
    return status;
}
