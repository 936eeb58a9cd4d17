/*
 * Preloaded into a sender, waits a millisecond before each large datagram, so that a message larger than the receive buffers of
 * this system arrives. C LCM sends all fragments at once.
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t sendmsg(int socket, const struct msghdr *message, int flags)
{
    size_t size = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        size += message->msg_iov[i].iov_len;
    if (size > 60000)
        usleep(1000);
    return syscall(SYS_sendmsg, socket, message, flags);
}
