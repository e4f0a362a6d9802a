#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "digest.h"
#include "measure.h"

/* Our bound: paths and subprotocols may carry a token. */
#define REQUEST_BYTES_MAX 4096

static char shared[READ_BYTES_MAX + FRAME_BYTES_MAX + 16];
static char websocket_key[25];

void wire_open(struct wire *wire, int port) {
  memset(wire, 0, sizeof *wire);
  wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (wire->fd < 0) fail("no socket: %s (raise the limit of open files)", strerror(errno));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct timeval patience = {.tv_sec = 10};
  int on = 1;
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  setsockopt(wire->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(wire->fd, (struct sockaddr *)&address, sizeof address) < 0)
    fail("cannot connect to 127.0.0.1:%d: %s", port, strerror(errno));
  fcntl(wire->fd, F_SETFL, fcntl(wire->fd, F_GETFL) | O_NONBLOCK);
}

void wire_reset(struct wire *wire) {
  if (wire->fd > 0) close(wire->fd);
  free(wire->rest);
  memset(wire, 0, sizeof *wire);
}

void wire_send(struct wire *wire, const char *bytes, size_t length) {
  ssize_t sent = send(wire->fd, bytes, length, MSG_NOSIGNAL);
  if (sent < 0) fault("the server closed a connection that was being written: %s", strerror(errno));
  if ((size_t)sent < length)
    fault("the server stopped reading: %zd of %zu bytes sent", sent, length);
}

char *wire_read(struct wire *wire, size_t *length, const char *who) {
  if (wire->rest_length) memcpy(shared, wire->rest, wire->rest_length);
  ssize_t got = recv(wire->fd, shared + wire->rest_length, READ_BYTES_MAX, 0);
  if (got == 0) fault("%s: the server closed the connection without a close frame", who);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return NULL;
    fault("%s: the server cut the connection: %s", who, strerror(errno));
  }
  *length = wire->rest_length + (size_t)got;
  wire->rest_length = 0;
  return shared;
}

void wire_keep(struct wire *wire, const char *bytes, size_t length) {
  if (length > FRAME_BYTES_MAX) fault("a frame of more than %d bytes arrived", FRAME_BYTES_MAX);
  if (length > wire->rest_capacity) {
    wire->rest_capacity = length + 256;
    wire->rest = realloc(wire->rest, wire->rest_capacity);
    if (!wire->rest) fail("out of memory");
  }
  memmove(wire->rest, bytes, length);
  wire->rest_length = length;
}

static void accept_value(char out[29]) {
  char text[64];
  uint8_t digest[20];
  int length = snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", websocket_key);
  sha1(text, (size_t)length, digest);
  base64_encode(digest, sizeof digest, out);
}

void websocket_request(struct wire *wire, int port, const char *path, const char *subprotocols) {
  if (!websocket_key[0]) {
    uint8_t bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) fail("no randomness");
    base64_encode(bytes, sizeof bytes, websocket_key);
  }
  char text[REQUEST_BYTES_MAX];
  int length = snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
                        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: %s\r\n%s%s%s\r\n",
                        path, port, websocket_key,
                        subprotocols ? "Sec-WebSocket-Protocol: " : "",
                        subprotocols ? subprotocols : "", subprotocols ? "\r\n" : "");
  if (length >= REQUEST_BYTES_MAX) fail("the upgrade request is too long");
  wire_send(wire, text, (size_t)length);
}

size_t websocket_answer(const char *bytes, size_t length, const char *who) {
  static char expected[29];
  const char *end = memmem(bytes, length, "\r\n\r\n", 4);
  if (!end) {
    if (length > 8192) fault("%s: the answer to the upgrade does not end", who);
    return 0;
  }
  if (!expected[0]) accept_value(expected);
  size_t head = (size_t)(end - bytes) + 4;
  int line = (int)strcspn(bytes, "\r");
  if (strncmp(bytes, "HTTP/1.1 101", 12) != 0)
    fault("%s: the upgrade was refused with \"%.*s\"", who, line, bytes);
  for (const char *at = bytes + line; at < end; at = strchr(at + 2, '\r')) {
    if (strncasecmp(at + 2, "Sec-WebSocket-Accept:", 21) != 0) continue;
    const char *value = at + 23 + strspn(at + 23, " ");
    if (strncmp(value, expected, 28) == 0 && value[28] == '\r') return head;
  }
  fault("%s: the Sec-WebSocket-Accept of the answer is wrong or missing", who);
}

size_t frame_take(const char *bytes, size_t length, struct frame *frame, const char *who) {
  if (length < 2) return 0;
  uint8_t first = (uint8_t)bytes[0], second = (uint8_t)bytes[1];
  if ((first & 0xf0) != 0x80) fault("%s: a frame begins with the byte %02x", who, first);
  if (second & 0x80) fault("%s: the server masked a frame", who);
  size_t head = 2, size = second;
  if (second == 126) {
    head = 4;
    if (length < head) return 0;
    size = (size_t)(uint8_t)bytes[2] << 8 | (uint8_t)bytes[3];
  } else if (second == 127) {
    head = 10;
    if (length < head) return 0;
    size = 0;
    for (int i = 2; i < 10; i++) size = size << 8 | (uint8_t)bytes[i];
  }
  if (size > FRAME_BYTES_MAX) fault("%s: a frame of %zu bytes arrived", who, size);
  if (length < head + size) return 0;
  *frame = (struct frame){first & 15, bytes + head, size};
  return head + size;
}

static uint32_t next_mask(void) {
  static uint32_t state = 0x9e3779b9;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

size_t frame_put(char *out, int opcode, const char *data, size_t length) {
  char *at = out;
  *at++ = (char)(0x80 | opcode);
  if (length < 126) {
    *at++ = (char)(0x80 | length);
  } else if (length < 65536) {
    *at++ = (char)(0x80 | 126);
    *at++ = (char)(length >> 8);
    *at++ = (char)length;
  } else {
    *at++ = (char)(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) *at++ = (char)(length >> shift);
  }
  uint32_t key = next_mask();
  char mask[4];
  memcpy(mask, &key, 4);
  memcpy(at, mask, 4);
  at += 4;
  for (size_t i = 0; i < length; i++) at[i] = data[i] ^ mask[i & 3];
  return (size_t)(at - out) + length;
}

int frame_control(struct wire *wire, const struct frame *frame, const char *who) {
  char out[160];
  if (frame->opcode == PONG) return 1;
  if (frame->opcode == PING) {
    if (frame->length > 125) fault("%s: a ping of %zu bytes", who, frame->length);
    wire_send(wire, out, frame_put(out, PONG, frame->data, frame->length));
    return 1;
  }
  if (frame->opcode != CLOSE) return 0;
  int code = frame->length < 2 ? 1005 : (uint8_t)frame->data[0] << 8 | (uint8_t)frame->data[1];
  int reason = frame->length < 2 ? 0 : (int)frame->length - 2;
  fault("%s: the server closed with %d \"%.*s\"", who, code, reason, frame->data + 2);
}
