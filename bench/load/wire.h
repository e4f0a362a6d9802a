/* One TCP connection and the client's side of RFC 6455 on it. Only 127.0.0.1. */
#ifndef LOCKGATE_BENCH_WIRE_H
#define LOCKGATE_BENCH_WIRE_H

#include <stddef.h>
#include <stdint.h>

/* Our bound: a server frame longer than this is a fault. */
#define FRAME_BYTES_MAX (1 << 23)
/* Our bound: one read takes at most this much. */
#define READ_BYTES_MAX (1 << 18)

enum opcode { TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

struct wire {
  int fd;
  /* The beginning of a frame whose end has not arrived. */
  char *rest;
  size_t rest_length, rest_capacity;
};

/* Connects (blocking, loopback answers at once), then turns the socket non-blocking. */
void wire_open(struct wire *wire, int port);
/* Resets instead of closing, so that no port lingers in TIME_WAIT, and frees. Idempotent. */
void wire_reset(struct wire *wire);
/* Writes all of it or fails: only for small pieces on a socket with room. */
void wire_send(struct wire *wire, const char *bytes, size_t length);
/*
 * Reads once. Returns the bytes at hand, the rest of the last read first, in a buffer shared by all
 * wires, and their count in *length; NULL when there was nothing to read. A closed connection is a
 * fault.
 */
char *wire_read(struct wire *wire, size_t *length, const char *who);
/* Keeps bytes that do not make a whole frame for the next read. */
void wire_keep(struct wire *wire, const char *bytes, size_t length);

/*
 * Writes the upgrade request; the same key serves all connections of a run. `subprotocols` may be
 * NULL.
 */
void websocket_request(struct wire *wire, int port, const char *path, const char *subprotocols);
/*
 * Checks the 101 answer with its Sec-WebSocket-Accept (RFC 6455 §4.1).
 * Returns the length of the head, 0 when its end has not arrived; anything but 101 is a fault.
 */
size_t websocket_answer(const char *bytes, size_t length, const char *who);

struct frame {
  int opcode;
  const char *data;
  size_t length;
};
/*
 * Takes one unfragmented, unmasked frame off the front. Returns its whole length, 0 when its end
 * has not arrived; a forbidden form is a fault.
 */
size_t frame_take(const char *bytes, size_t length, struct frame *frame, const char *who);
/* Writes one masked frame to `out`, which has room for `length` + 14. Returns its length. */
size_t frame_put(char *out, int opcode, const char *data, size_t length);
/* Answers a control frame, explains a close. Returns 0 when the frame is not a control frame. */
int frame_control(struct wire *wire, const struct frame *frame, const char *who);

#endif
