/*
 * The floor under every fan-out figure: a WebSocket server that only copies bytes. What comes from
 * the connection opened at /publish goes, framed once, to all others with one send() per subscriber
 * and turn of the loop. No channels, no JSON. Prints `port N`; one thread; 127.0.0.1 only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../load/digest.h"

#define INPUT_BYTES_MAX (1 << 20)
#define PENDING_BYTES_MAX (64u << 20)

struct connection {
  int fd, is_open, is_publisher;
  /* Bytes read that are no whole frame or request yet; bytes the socket did not take. */
  char *input, *pending;
  size_t input_length, pending_length, pending_sent;
  /* Where it is in `subscribers`. */
  size_t index;
};

static int epoll;
static struct connection **subscribers;
static size_t subscriber_count, subscriber_capacity;
/* The server frames of this turn, written once for everybody. */
static char turn[2 * INPUT_BYTES_MAX];
static size_t turn_length;
static char reading[INPUT_BYTES_MAX];

static void die(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(2);
}

static void *need(void *memory) {
  if (!memory) die("out of memory");
  return memory;
}

static void drop(struct connection *one) {
  if (one->is_open && !one->is_publisher) {
    struct connection *last = subscribers[--subscriber_count];
    subscribers[one->index] = last;
    last->index = one->index;
  }
  close(one->fd);
  free(one->input);
  free(one->pending);
  free(one);
}

static void watch(struct connection *one, uint32_t events) {
  struct epoll_event wanted = {.events = events, .data.ptr = one};
  epoll_ctl(epoll, EPOLL_CTL_MOD, one->fd, &wanted);
}

/* What the socket does not take now is kept in order and written when there is room. */
static void write_to(struct connection *one, const char *bytes, size_t length) {
  ssize_t sent = one->pending_length ? 0 : send(one->fd, bytes, length, MSG_NOSIGNAL);
  if (sent < 0) sent = 0; /* a broken socket is dropped by its next read */
  size_t left = length - (size_t)sent;
  if (left == 0) return;
  if (one->pending_length + left > PENDING_BYTES_MAX) {
    shutdown(one->fd, SHUT_RDWR);
    return;
  }
  one->pending = need(realloc(one->pending, one->pending_length + left));
  memcpy(one->pending + one->pending_length, bytes + sent, left);
  one->pending_length += left;
  watch(one, EPOLLIN | EPOLLOUT);
}

static void write_pending(struct connection *one) {
  size_t left = one->pending_length - one->pending_sent;
  ssize_t sent = send(one->fd, one->pending + one->pending_sent, left, MSG_NOSIGNAL);
  if (sent > 0) one->pending_sent += (size_t)sent;
  if (one->pending_sent < one->pending_length) return;
  free(one->pending);
  one->pending = NULL;
  one->pending_length = one->pending_sent = 0;
  watch(one, EPOLLIN);
}

static size_t put_head(char *out, int first, size_t length) {
  out[0] = (char)first;
  if (length < 126) return out[1] = (char)length, 2;
  if (length < 65536)
    return out[1] = 126, out[2] = (char)(length >> 8), out[3] = (char)length, 4;
  out[1] = 127;
  for (int i = 0; i < 8; i++) out[2 + i] = (char)(length >> (56 - 8 * i));
  return 10;
}

/* Takes one masked frame. Returns its length, 0 when it is not whole, -1 to close. */
static long take_frame(struct connection *one, char *bytes, size_t length) {
  if (length < 6) return 0;
  size_t head = 2, size = (uint8_t)bytes[1] & 127;
  if (!(bytes[1] & 0x80)) return -1;
  if (size == 126) {
    head = 4;
    size = (size_t)(uint8_t)bytes[2] << 8 | (uint8_t)bytes[3];
  } else if (size == 127) {
    return -1;
  }
  if (length < head + 4 + size) return 0;
  const char *mask = bytes + head;
  char *data = bytes + head + 4;
  for (size_t i = 0; i < size; i++) data[i] ^= mask[i & 3];
  int opcode = bytes[0] & 15;
  if (opcode == 8) return -1;
  if (opcode == 9) {
    char pong[140];
    size_t at = put_head(pong, 0x8a, size > 125 ? 125 : size);
    memcpy(pong + at, data, size > 125 ? 125 : size);
    write_to(one, pong, at + (size > 125 ? 125 : size));
  } else if (opcode <= 2 && one->is_publisher) {
    if (turn_length + size + 10 > sizeof turn) return -1;
    turn_length += put_head(turn + turn_length, bytes[0], size);
    memcpy(turn + turn_length, data, size);
    turn_length += size;
  }
  return (long)(head + 4 + size);
}

/* Takes the upgrade request. Returns its length, 0 when it is not whole, -1 to close. */
static long take_upgrade(struct connection *one, const char *bytes, size_t length) {
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (!end) return length > 8192 ? -1 : 0;
  char text[128], accept[29], answer[256];
  uint8_t digest[20];
  const char *key = NULL;
  for (const char *at = strchr(bytes, '\r'); at < end; at = strchr(at + 2, '\r'))
    if (strncasecmp(at + 2, "Sec-WebSocket-Key: ", 19) == 0) key = at + 21;
  if (!key) return -1;
  int size = snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 24, key);
  sha1(text, (size_t)size, digest);
  base64_encode(digest, sizeof digest, accept);
  size = snprintf(answer, sizeof answer,
                  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                  "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                  accept);
  one->is_open = 1;
  one->is_publisher = strncmp(bytes, "GET /publish ", 13) == 0;
  if (!one->is_publisher) {
    if (subscriber_count == subscriber_capacity) {
      subscriber_capacity = subscriber_capacity ? 2 * subscriber_capacity : 1024;
      subscribers = need(realloc(subscribers, subscriber_capacity * sizeof *subscribers));
    }
    one->index = subscriber_count;
    subscribers[subscriber_count++] = one;
  }
  write_to(one, answer, (size_t)size);
  return end + 4 - bytes;
}

/* Returns -1 when the connection is over. */
static int read_from(struct connection *one) {
  if (one->input_length) memcpy(reading, one->input, one->input_length);
  size_t room = sizeof reading - 1 - one->input_length;
  ssize_t got = recv(one->fd, reading + one->input_length, room, 0);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got <= 0) return -1;
  size_t length = one->input_length + (size_t)got, used = 0;
  reading[length] = 0;
  long taken = 1;
  while (used < length && taken > 0) {
    taken = one->is_open ? take_frame(one, reading + used, length - used)
                         : take_upgrade(one, reading, length);
    if (taken > 0) used += (size_t)taken;
  }
  if (taken < 0) return -1;
  one->input_length = length - used;
  if (one->input_length) {
    one->input = need(realloc(one->input, one->input_length));
    memcpy(one->input, reading + used, one->input_length);
  }
  return 0;
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *one = need(calloc(1, sizeof *one));
    one->fd = fd;
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = one};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) < 0) die("epoll_ctl");
  }
}

static int start_listening(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 ||
      listen(listener, 511) < 0)
    die("cannot listen");
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("port %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

int main(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  int listener = start_listening();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL}, events[512];
  if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted) < 0) die("epoll");
  for (;;) {
    int n = epoll_wait(epoll, events, 512, -1);
    for (int i = 0; i < n; i++) {
      struct connection *one = events[i].data.ptr;
      if (!one) {
        accept_all(listener);
        continue;
      }
      if (events[i].events & EPOLLOUT) write_pending(one);
      if (events[i].events & ~(uint32_t)EPOLLOUT && read_from(one) < 0) drop(one);
    }
    for (size_t i = 0; turn_length && i < subscriber_count; i++)
      write_to(subscribers[i], turn, turn_length);
    turn_length = 0;
  }
}
