/* The load: COUNT RTP streams (PCMA, 20 ms), each from 127.0.0.1:BASE+i to 127.0.0.1:(port i of the list on standard input).
 * rtpgen BASE COUNT SECONDS SKIP [SENDERS]: only the first SENDERS send, all listen; after SECONDS it prints one line: sent received p50 p99 max (one way through the server, ms) heard
 * (packets of any sound);
 * the first SKIP seconds count for nothing. The send time stands in the payload: G.711 that is decoded, mixed and encoded alone comes out as it was. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_US = 20000, BUCKETS = 200000 };

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct sockaddr_in at(int port) {
    struct sockaddr_in a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(port);
    return a;
}

static uint32_t histogram[BUCKETS]; /* 10 us each */

static double percentile(uint64_t total, double share) {
    uint64_t seen = 0;
    for (int i = 0; i < BUCKETS; i++)
        if ((seen += histogram[i]) >= total * share) return i / 100.0;
    return BUCKETS / 100.0;
}

static void put_time(uint8_t *payload, int64_t t) {
    payload[0] = 0x5a;
    payload[1] = 0xa7;
    for (int i = 0; i < 6; i++) payload[2 + i] = t >> (8 * i);
}

static int64_t get_time(const uint8_t *payload) {
    if (payload[0] != 0x5a || payload[1] != 0xa7) return -1;
    int64_t t = 0;
    for (int i = 0; i < 6; i++) t |= (int64_t)payload[2 + i] << (8 * i);
    return t;
}

int main(int argc, char **argv) {
    if (argc != 5 && argc != 6) return 2;
    int base = atoi(argv[1]), count = atoi(argv[2]), senders = argc == 6 ? atoi(argv[5]) : count;
    double seconds = atof(argv[3]), skip = atof(argv[4]);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int *sockets = calloc(count, sizeof *sockets), queue = epoll_create1(0);
    int64_t *due = calloc(count, sizeof *due), begun = now_us() + 50000;
    uint32_t *number = calloc(count, sizeof *number);
    for (int i = 0; i < count; i++) {
        int port;
        if (scanf("%d", &port) != 1) return 2;
        struct sockaddr_in mine = at(base + i), theirs = at(port);
        sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (bind(sockets[i], (void *)&mine, sizeof mine) || connect(sockets[i], (void *)&theirs, sizeof theirs)) {
            perror("rtpgen");
            return 1;
        }
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        epoll_ctl(queue, EPOLL_CTL_ADD, sockets[i], &event);
        due[i] = begun + (int64_t)FRAME_US * ((i * 7919) % count) / count;
    }
    uint8_t packet[172], buffer[2048];
    memset(packet, 0xd5, sizeof packet);
    uint64_t sent = 0, received = 0, timed = 0, heard = 0;
    double worst = 0;
    int64_t end = begun + seconds * 1e6, from = begun + skip * 1e6;
    struct epoll_event events[256];
    int clock = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec every = {{0, 1000000}, {0, 1000000}};
    timerfd_settime(clock, 0, &every, NULL);
    for (;;) {
        uint64_t ticks;
        if (read(clock, &ticks, 8) < 0) return 1;
        int64_t now = now_us();
        if (now > end + 200000) break;
        int found;
        while ((found = epoll_wait(queue, events, 256, 0)) > 0)
            for (int k = 0; k < found; k++) {
                ssize_t length = recv(sockets[events[k].data.u32], buffer, sizeof buffer, 0);
                if (length == 172 && now_us() > from) heard++;
                int64_t at_us = length == 172 ? get_time(buffer + 12) : -1;
                if (at_us < from || at_us > end) continue;
                received++;
                double took = (now_us() - at_us) / 1000.0;
                int bucket = took * 100;
                histogram[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
                timed++;
                if (took > worst) worst = took;
            }
        if (now > end) continue;
        for (int i = 0; i < senders; i++)
            while (due[i] <= now) {
                uint32_t n = number[i]++;
                uint32_t head[3] = {htonl(0x80080000u | (n & 0xffff)), htonl(n * 160), htonl(0x10000 + i)};
                memcpy(packet, head, 12);
                int64_t t = now_us();
                put_time(packet + 12, t);
                send(sockets[i], packet, sizeof packet, 0);
                if (t >= from && t <= end) sent++;
                due[i] += FRAME_US;
            }
    }
    printf("%llu %llu %.2f %.2f %.2f %llu\n", (unsigned long long)sent, (unsigned long long)received, percentile(timed, 0.5), percentile(timed, 0.99), worst,
           (unsigned long long)heard);
    return 0;
}
