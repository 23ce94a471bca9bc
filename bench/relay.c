/* The yardstick: a bare UDP relay. One epoll, connected sockets, each datagram received leaves by its partner's socket.
 * relay BASE PEERS COUNT: socket i is bound to 127.0.0.1:BASE+i, connected to 127.0.0.1:PEERS+i, partner i^1. Runs until killed. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in at(int port) {
    struct sockaddr_in a;
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(port);
    return a;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int base = atoi(argv[1]), peers = atoi(argv[2]), count = atoi(argv[3]);
    int *sockets = calloc(count, sizeof *sockets), queue = epoll_create1(0);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < count; i++) {
        struct sockaddr_in mine = at(base + i), theirs = at(peers + i);
        sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (bind(sockets[i], (void *)&mine, sizeof mine) || connect(sockets[i], (void *)&theirs, sizeof theirs)) {
            perror("relay");
            return 1;
        }
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        epoll_ctl(queue, EPOLL_CTL_ADD, sockets[i], &event);
    }
    puts("ready");
    fflush(stdout);
    struct epoll_event events[256];
    char buffer[2048];
    for (;;) {
        int found = epoll_wait(queue, events, 256, -1);
        for (int k = 0; k < found; k++) {
            int i = events[k].data.u32;
            ssize_t length = recv(sockets[i], buffer, sizeof buffer, 0);
            if (length > 0) send(sockets[i ^ 1], buffer, length, 0);
        }
    }
}
