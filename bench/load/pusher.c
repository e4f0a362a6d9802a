#include "pusher.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "measure.h"

static int shown(const struct frame *frame) {
  return frame->length > 300 ? 300 : (int)frame->length;
}

static int contains(const struct frame *frame, const char *wanted) {
  return frame->opcode == TEXT && memmem(frame->data, frame->length, wanted, strlen(wanted));
}

void pusher_path(const struct credential *credential, char out[256]) {
  snprintf(out, 256, "/app/%s?protocol=7&client=lockgate-bench&version=1", credential->key);
}

void pusher_socket_id(const struct frame *frame, char out[64], const char *who) {
  static const char digits[] = "0123456789.";
  if (!contains(frame, "\"pusher:connection_established\""))
    fault("%s: expected connection_established, got %.*s", who, shown(frame), frame->data);
  const char *end = frame->data + frame->length;
  const char *at = memmem(frame->data, frame->length, "socket_id", 9);
  while (at && at < end && !memchr(digits, *at, 11)) at++;
  size_t length = 0;
  while (at && at + length < end && memchr(digits, at[length], 11)) length++;
  if (length < 3 || length > 63)
    fault("%s: no socket id in %.*s", who, shown(frame), frame->data);
  memcpy(out, at, length);
  out[length] = 0;
}

void pusher_subscribe(struct wire *wire, const struct credential *credential, const char *socket_id,
                      const char *channel) {
  char text[768], masked[800], signature[65] = "", auth[256] = "";
  if (strncmp(channel, "private-", 8) == 0) {
    uint8_t digest[32];
    int length = snprintf(text, sizeof text, "%s:%s", socket_id, channel);
    hmac_sign(&credential->secret, text, (size_t)length, digest);
    hex_encode(digest, sizeof digest, signature);
    snprintf(auth, sizeof auth, "%s:%s", credential->key, signature);
  }
  int length = snprintf(text, sizeof text,
                        "{\"event\":\"pusher:subscribe\","
                        "\"data\":{\"auth\":\"%s\",\"channel\":\"%s\"}}",
                        auth, channel);
  wire_send(wire, masked, frame_put(masked, TEXT, text, (size_t)length));
}

void pusher_subscribed(const struct frame *frame, const char *channel, const char *who) {
  char name[256];
  snprintf(name, sizeof name, "\"channel\":\"%s\"", channel);
  if (!contains(frame, "\"pusher_internal:subscription_succeeded\"") || !contains(frame, name))
    fault("%s: expected subscription_succeeded for %s, got %.*s", who, channel, shown(frame),
          frame->data);
}

int pusher_ping(struct wire *wire, const struct frame *frame) {
  static const char pong[] = "{\"event\":\"pusher:pong\",\"data\":{}}";
  char masked[64];
  if (frame->length > 64 || !contains(frame, "\"event\":\"pusher:ping\"")) return 0;
  wire_send(wire, masked, frame_put(masked, TEXT, pong, sizeof pong - 1));
  return 1;
}

size_t pusher_post(const struct credential *credential, const char *body, size_t body_length,
                   char *out) {
  uint8_t digest[32];
  char body_md5[33], signature[65], query[256], text[512];
  md5(body, body_length, digest);
  hex_encode(digest, 16, body_md5);
  snprintf(query, sizeof query, "auth_key=%s&auth_timestamp=%lld&auth_version=1.0&body_md5=%s",
           credential->key, (long long)time(NULL), body_md5);
  int signed_length =
      snprintf(text, sizeof text, "POST\n/apps/%s/events\n%s", credential->app_id, query);
  hmac_sign(&credential->secret, text, (size_t)signed_length, digest);
  hex_encode(digest, 32, signature);
  int head = snprintf(out, 1024,
                      "POST /apps/%s/events?%s&auth_signature=%s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                      "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                      credential->app_id, query, signature, body_length);
  memcpy(out + head, body, body_length);
  return (size_t)head + body_length;
}
