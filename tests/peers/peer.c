/*
 * A C LCM program that does what a test tells it. Arguments: URL, then
 *   listen REGEX   says "ready", then of each message: channel in hex ("-" if empty), size, CRC-32 in hex
 *   send           says "ready", then takes lines "CHANNEL-IN-HEX SEED SIZE COUNT PAUSE_US" and says "sent STATUS" after each;
 *                  of several messages each has the next seed
 */
#include <lcm/lcm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 65521 };

static uint32_t crc_table[256];

static void fill_crc_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >> 1) ^ 0xedb88320u : crc >> 1;
        crc_table[byte] = crc;
    }
}

static uint32_t checksum(const uint8_t *bytes, uint32_t size)
{
    uint32_t crc = 0xffffffffu;
    for (uint32_t i = 0; i < size; i++)
        crc = (crc >> 8) ^ crc_table[(crc ^ bytes[i]) & 0xff];
    return ~crc;
}

static void fill(uint8_t *bytes, uint32_t seed, uint32_t size)
{
    for (uint32_t i = 0; i < size && i < BLOCK; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = seed >> 24;
    }
    for (uint32_t i = BLOCK; i < size; i++)
        bytes[i] = bytes[i - BLOCK];
}

static void heard(const lcm_recv_buf_t *message, const char *channel, void *user)
{
    if (*channel == '\0')
        printf("-");
    for (const char *c = channel; *c; c++)
        printf("%02x", (unsigned char) *c);
    printf(" %u %08x\n", message->data_size, checksum(message->data, message->data_size));
    fflush(stdout);
}

static int listen_to(lcm_t *lcm, const char *regex)
{
    lcm_subscription_t *subscription = lcm_subscribe(lcm, regex, heard, NULL);
    if (!subscription)
        return 1;
    lcm_subscription_set_queue_capacity(subscription, 0);
    printf("ready\n");
    fflush(stdout);
    while (lcm_handle(lcm) == 0) {
    }
    return 1;
}

static int send_on_order(lcm_t *lcm)
{
    char hex[256];
    uint32_t seed, size, count, pause_us;
    printf("ready\n");
    fflush(stdout);
    while (scanf("%255s %u %u %u %u", hex, &seed, &size, &count, &pause_us) == 5) {
        char channel[128] = { 0 };
        for (size_t i = 0; hex[0] != '-' && hex[2 * i]; i++) {
            unsigned byte;
            sscanf(hex + 2 * i, "%2x", &byte);
            channel[i] = (char) byte;
        }
        uint8_t *payload = malloc(size + 1);
        int status = 0;
        for (uint32_t i = 0; i < count; i++) {
            fill(payload, seed + i, size);
            status |= lcm_publish(lcm, channel, payload, size);
            if (pause_us)
                usleep(pause_us);
        }
        free(payload);
        printf("sent %d\n", status);
        fflush(stdout);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    fill_crc_table();
    lcm_t *lcm = lcm_create(argv[1]);
    if (!lcm)
        return 1;
    int status = strcmp(argv[2], "listen") == 0 && argc == 4 ? listen_to(lcm, argv[3]) : send_on_order(lcm);
    lcm_destroy(lcm);
    return status;
}
