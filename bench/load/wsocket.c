#include "wsocket.h"

#include <stdio.h>
#include <string.h>

#include "measure.h"

static int contains(const struct frame *frame, const char *wanted) {
  return frame->opcode == TEXT && memmem(frame->data, frame->length, wanted, strlen(wanted));
}

void wsocket_path(const char *key, char out[256]) {
  if (snprintf(out, 256, "/?key=%s", key) >= 256) fail("the key is too long");
}

void wsocket_subscribe(struct wire *wire, const char *channel) {
  char text[256], masked[272];
  int length =
      snprintf(text, sizeof text, "{\"action\":\"subscribe\",\"channel\":\"%s\"}", channel);
  wire_send(wire, masked, frame_put(masked, TEXT, text, (size_t)length));
}

void wsocket_subscribed(const struct frame *frame, const char *channel, const char *who) {
  char name[256];
  snprintf(name, sizeof name, "\"channel\":\"%s\"", channel);
  if (!contains(frame, "\"action\":\"subscribed\"") || !contains(frame, name))
    fault("%s: expected subscribed for %s, got %.*s", who, channel,
          frame->length > 300 ? 300 : (int)frame->length, frame->data);
}

int wsocket_is_ack(const struct frame *frame) {
  return contains(frame, "\"action\":\"ack\"");
}
