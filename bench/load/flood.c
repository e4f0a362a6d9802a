/*
 * Bad handshakes at a steady rate, from a range of addresses, whatever the server answers: an open
 * loop, as those who attack do not wait. What could not be offered in time is counted, not caught up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"
#include "options.h"

/* Our bound on handshakes without an answer. */
#define ATTEMPT_COUNT_MAX 1024
#define PATIENCE_NS 2000000000
#define REQUEST_BYTES_MAX 512

struct attempt {
  int fd; /* 0: free */
  int64_t started_ns;
  int is_upgraded;
};

struct flood {
  const struct options *options;
  int epoll;
  struct attempt attempts[ATTEMPT_COUNT_MAX];
  int free[ATTEMPT_COUNT_MAX], free_count;
  unsigned long offered, held_back, refused, closed, dropped, late;
};

/* What comes in without a right: no such app, no key, an old version, another path, nonsense. */
static const char *const REQUESTS[] = {
    "GET /app/no-such-key?protocol=7 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "GET /app/app-key?protocol=7 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "GET /app/app-key?protocol=7 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 7\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "\x16\x03\x01 not HTTP at all\r\n\r\n",
};
#define REQUEST_COUNT (sizeof REQUESTS / sizeof *REQUESTS)

static void finish(struct flood *flood, struct attempt *attempt) {
  close(attempt->fd);
  attempt->fd = 0;
  flood->free[flood->free_count++] = (int)(attempt - flood->attempts);
}

/* 127.9.0.1 and those after it: one range, as one attacker would have it. */
static void begin(struct flood *flood) {
  if (flood->free_count == 0) {
    flood->held_back++;
    return;
  }
  struct attempt *attempt = &flood->attempts[flood->free[--flood->free_count]];
  unsigned long number = flood->offered++;
  int on = 1;
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  uint32_t host = (127u << 24 | 9u << 16) + 1 + (uint32_t)(number % (unsigned)flood->options->count);
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)flood->options->port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  attempt->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (attempt->fd < 0) fail("no socket: %s", strerror(errno));
  attempt->started_ns = now_ns();
  attempt->is_upgraded = 0;
  setsockopt(attempt->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  setsockopt(attempt->fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof on);
  if (bind(attempt->fd, (struct sockaddr *)&from, sizeof from) < 0)
    fail("cannot speak from 127.9.0.0: %s", strerror(errno));
  int joined = connect(attempt->fd, (struct sockaddr *)&to, sizeof to);
  if (joined < 0 && errno != EINPROGRESS) {
    flood->dropped++;
    finish(flood, attempt);
    return;
  }
  const char *request = REQUESTS[number % REQUEST_COUNT];
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = attempt};
  /* Loopback connects at once; where the queue of the listener is full the bytes never leave. */
  if (send(attempt->fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
    flood->dropped++;
    finish(flood, attempt);
    return;
  }
  epoll_ctl(flood->epoll, EPOLL_CTL_ADD, attempt->fd, &wanted);
}

/* An upgrade that ends in a close frame is an answer too: pusher-js reads nothing else. */
static void take(struct flood *flood, struct attempt *attempt) {
  char bytes[4096];
  ssize_t got = recv(attempt->fd, bytes, sizeof bytes, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    flood->dropped++;
    finish(flood, attempt);
    return;
  }
  if (!attempt->is_upgraded && got > 12 && memcmp(bytes, "HTTP/1.1 101", 12) == 0)
    attempt->is_upgraded = 1;
  if (!attempt->is_upgraded) flood->refused++;
  else if (memchr(bytes, 0x88, (size_t)got)) flood->closed++;
  else return;
  finish(flood, attempt);
}

static void give_up(struct flood *flood, int64_t now) {
  for (int i = 0; i < ATTEMPT_COUNT_MAX; i++) {
    struct attempt *attempt = &flood->attempts[i];
    if (!attempt->fd || now - attempt->started_ns < PATIENCE_NS) continue;
    flood->late++;
    finish(flood, attempt);
  }
}

void run_flood(const struct options *options) {
  struct flood *flood = calloc(1, sizeof *flood);
  if (!flood) fail("out of memory");
  flood->options = options;
  if (options->rate <= 0 || options->count > 250) fail("--rate is missing, or --count over 250");
  flood->epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < ATTEMPT_COUNT_MAX; i++) flood->free[flood->free_count++] = i;
  int64_t began = now_ns(), ends = began + (int64_t)(options->seconds * 1e9), checked = began;
  unsigned long due_before = 0;
  struct epoll_event events[256];
  for (int64_t now = began; now < ends; now = now_ns()) {
    unsigned long due = (unsigned long)((double)(now - began) / 1e9 * options->rate);
    for (; due_before < due; due_before++) begin(flood);
    int n = epoll_wait(flood->epoll, events, 256, 1);
    for (int i = 0; i < n; i++) take(flood, events[i].data.ptr);
    if (now - checked < 100000000) continue;
    checked = now;
    give_up(flood, now);
  }
  printf("{\"seconds\":%.3f,\"offered\":%lu,\"heldBack\":%lu,\"refused\":%lu,\"closed\":%lu,"
         "\"dropped\":%lu,\"late\":%lu}\n",
         (double)(now_ns() - began) / 1e9, flood->offered, flood->held_back, flood->refused,
         flood->closed, flood->dropped, flood->late);
}
