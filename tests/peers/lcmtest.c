/*
 * LCM's own client/server test in C, with the code that lcm-gen writes. Arguments: URL, then
 *   server   says "ready", answers, and ends on TEST_QUIT
 *   client   says "passed" when every round went well
 */
#include <lcm/lcm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lcmtest2_cross_package_t.h"
#include "lcmtest_multidim_array_t.h"
#include "lcmtest_node_t.h"
#include "lcmtest_primitives_list_t.h"
#include "lcmtest_primitives_t.h"

enum { TIMEOUT_MS = 10000, ECHO_ROUNDS = 100, ECHO_MOST = 10000 };

static lcm_t *lcm;
static int replies;

static void fail(const char *what, int number)
{
    fprintf(stderr, "%s, number %d\n", what, number);
    exit(1);
}

static void *room(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);
    if (!memory)
        abort();
    return memory;
}

static char *decimal(int value)
{
    char *text = room(12, 1);
    snprintf(text, 12, "%d", value);
    return text;
}

/* The makers leak: a test ends soon. */

static void fill_primitives(lcmtest_primitives_t *message, int n, int sign)
{
    message->i8 = (int8_t) (sign * (n % 100));
    message->i16 = (int16_t) (sign * n * 10);
    message->i64 = (int64_t) sign * n * 10000;
    message->num_ranges = n;
    message->ranges = room(n, sizeof *message->ranges);
    for (int i = 0; i < n; i++)
        message->ranges[i] = (int16_t) (sign * i);
    for (int i = 0; i < 3; i++)
        message->position[i] = (float) (sign * n);
    for (int i = 0; i < 4; i++)
        message->orientation[i] = sign * n;
    message->name = decimal(sign * n);
    message->enabled = sign > 0 ? n % 2 : (n + 1) % 2;
}

static void make_lcmtest_primitives_t(lcmtest_primitives_t *message, int n)
{
    fill_primitives(message, n, 1);
}

static void make_lcmtest_primitives_list_t(lcmtest_primitives_list_t *message, int n)
{
    message->num_items = n;
    message->items = room(n, sizeof *message->items);
    for (int i = 0; i < n; i++)
        fill_primitives(&message->items[i], i, -1);
}

static void make_lcmtest_node_t(lcmtest_node_t *message, int n)
{
    message->num_children = n;
    message->children = room(n, sizeof *message->children);
    for (int i = 0; i < n; i++)
        make_lcmtest_node_t(&message->children[i], n - 1);
}

static void make_lcmtest_multidim_array_t(lcmtest_multidim_array_t *message, int n)
{
    int value = 0;
    message->size_a = message->size_b = message->size_c = n;
    message->data = room(n, sizeof *message->data);
    for (int a = 0; a < n; a++) {
        message->data[a] = room(n, sizeof *message->data[a]);
        for (int b = 0; b < n; b++) {
            message->data[a][b] = room(n, sizeof *message->data[a][b]);
            for (int c = 0; c < n; c++)
                message->data[a][b][c] = value++;
        }
    }
    message->strarray = room(2, sizeof *message->strarray);
    for (int a = 0; a < 2; a++) {
        message->strarray[a] = room(n, sizeof *message->strarray[a]);
        for (int c = 0; c < n; c++)
            message->strarray[a][c] = decimal(a * n + c);
    }
}

static void make_lcmtest2_cross_package_t(lcmtest2_cross_package_t *message, int n)
{
    fill_primitives(&message->primitives, n, 1);
    message->another.val = n;
}

/* Two messages are the same if they encode to the same bytes. */
#define CONVERSATION(type)                                                                                        \
    static int type##_number;                                                                                     \
                                                                                                                  \
    static int type##_is(const type *message, int number)                                                         \
    {                                                                                                             \
        type wanted;                                                                                              \
        make_##type(&wanted, number);                                                                             \
        int size = type##_encoded_size(&wanted);                                                                  \
        if (type##_encoded_size(message) != size)                                                                 \
            return 0;                                                                                             \
        uint8_t *one = room(size, 1), *other = room(size, 1);                                                     \
        type##_encode(one, 0, size, message);                                                                     \
        type##_encode(other, 0, size, &wanted);                                                                   \
        int same = memcmp(one, other, size) == 0;                                                                 \
        free(one);                                                                                                \
        free(other);                                                                                              \
        return same;                                                                                              \
    }                                                                                                             \
                                                                                                                  \
    static void type##_request(const lcm_recv_buf_t *buffer, const char *channel, const type *message, void *user) \
    {                                                                                                             \
        restart_if_first(channel, buffer);                                                                        \
        if (!type##_is(message, type##_number))                                                                   \
            fail("a request of " #type " differs", type##_number);                                                \
        type reply;                                                                                               \
        make_##type(&reply, ++type##_number);                                                                     \
        type##_publish(lcm, "test_" #type "_reply", &reply);                                                      \
    }                                                                                                             \
                                                                                                                  \
    static void type##_reply(const lcm_recv_buf_t *buffer, const char *channel, const type *message, void *user)  \
    {                                                                                                             \
        if (!type##_is(message, *(int *) user + 1))                                                               \
            fail("a reply of " #type " differs", *(int *) user);                                                  \
        replies++;                                                                                                \
    }                                                                                                             \
                                                                                                                  \
    static void type##_converse(int rounds)                                                                       \
    {                                                                                                             \
        int number;                                                                                               \
        type##_subscription_t *subscription =                                                                     \
            type##_subscribe(lcm, "test_" #type "_reply", type##_reply, &number);                                 \
        for (number = 0; number < rounds; number++) {                                                             \
            type request;                                                                                         \
            make_##type(&request, number);                                                                        \
            replies = 0;                                                                                          \
            type##_publish(lcm, "test_" #type, &request);                                                         \
            if (lcm_handle_timeout(lcm, TIMEOUT_MS) <= 0 || replies != 1)                                         \
                fail("no reply of " #type, number);                                                               \
        }                                                                                                         \
        type##_unsubscribe(lcm, subscription);                                                                    \
    }

static void restart_if_first(const char *channel, const lcm_recv_buf_t *buffer);

CONVERSATION(lcmtest_primitives_t)
CONVERSATION(lcmtest_primitives_list_t)
CONVERSATION(lcmtest_node_t)
CONVERSATION(lcmtest_multidim_array_t)
CONVERSATION(lcmtest2_cross_package_t)

/* A client begins with the primitives_t of number 0; then a server counts anew. */
static void restart_if_first(const char *channel, const lcm_recv_buf_t *buffer)
{
    lcmtest_primitives_t message;
    if (strcmp(channel, "test_lcmtest_primitives_t") != 0 ||
        lcmtest_primitives_t_decode(buffer->data, 0, buffer->data_size, &message) < 0)
        return;
    if (message.i64 == 0)
        lcmtest_primitives_t_number = lcmtest_primitives_list_t_number = lcmtest_node_t_number =
            lcmtest_multidim_array_t_number = lcmtest2_cross_package_t_number = 0;
    lcmtest_primitives_t_decode_cleanup(&message);
}

static void echo_request(const lcm_recv_buf_t *buffer, const char *channel, void *user)
{
    lcm_publish(lcm, "TEST_ECHO_REPLY", buffer->data, buffer->data_size);
}

static void quit(const lcm_recv_buf_t *buffer, const char *channel, void *user)
{
    *(int *) user = 1;
}

static int serve(void)
{
    int over = 0;
    lcm_subscribe(lcm, "TEST_QUIT", quit, &over);
    lcm_subscribe(lcm, "TEST_ECHO", echo_request, NULL);
    lcmtest_primitives_t_subscribe(lcm, "test_lcmtest_primitives_t", lcmtest_primitives_t_request, NULL);
    lcmtest_primitives_list_t_subscribe(lcm, "test_lcmtest_primitives_list_t", lcmtest_primitives_list_t_request, NULL);
    lcmtest_node_t_subscribe(lcm, "test_lcmtest_node_t", lcmtest_node_t_request, NULL);
    lcmtest_multidim_array_t_subscribe(lcm, "test_lcmtest_multidim_array_t", lcmtest_multidim_array_t_request, NULL);
    lcmtest2_cross_package_t_subscribe(lcm, "test_lcmtest2_cross_package_t", lcmtest2_cross_package_t_request, NULL);
    printf("ready\n");
    fflush(stdout);
    while (!over && lcm_handle(lcm) == 0) {
    }
    return over ? 0 : 1;
}

static uint8_t echo_data[ECHO_MOST];
static uint32_t echo_size;

static void echo_reply(const lcm_recv_buf_t *buffer, const char *channel, void *user)
{
    if (buffer->data_size == echo_size && memcmp(buffer->data, echo_data, echo_size) == 0)
        replies++;
}

static int ask(void)
{
    lcm_subscription_t *subscription = lcm_subscribe(lcm, "TEST_ECHO_REPLY", echo_reply, NULL);
    for (int number = 0; number < ECHO_ROUNDS; number++) {
        echo_size = 10 + rand() % (ECHO_MOST - 10);
        for (uint32_t i = 0; i < echo_size; i++)
            echo_data[i] = (uint8_t) rand();
        replies = 0;
        lcm_publish(lcm, "TEST_ECHO", echo_data, echo_size);
        if (lcm_handle_timeout(lcm, TIMEOUT_MS) <= 0 || replies != 1)
            fail("no echo", number);
    }
    lcm_unsubscribe(lcm, subscription);
    lcmtest_primitives_t_converse(1000);
    lcmtest_primitives_list_t_converse(100);
    lcmtest_node_t_converse(7);
    lcmtest_multidim_array_t_converse(5);
    lcmtest2_cross_package_t_converse(100);
    printf("passed\n");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    lcm = lcm_create(argv[1]);
    if (!lcm)
        return 1;
    int status = strcmp(argv[2], "server") == 0 ? serve() : ask();
    lcm_destroy(lcm);
    return status;
}
