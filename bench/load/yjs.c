#include "yjs.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

#define SYNC 0
#define AWARENESS 1
#define AUTH 2
#define SYNC_REPLY 4

static size_t number_put(char *out, size_t number) {
  size_t length = 0;
  for (; number > 127; number >>= 7) out[length++] = (char)(number | 128);
  out[length++] = (char)number;
  return length;
}

static size_t text_put(char *out, const char *text) {
  size_t size = strlen(text), head = number_put(out, size);
  memcpy(out + head, text, size);
  return head + size;
}

/* What comes before every message. */
static size_t head_put(char *out, const struct yjs_room *room) {
  return room->framing == HOCUSPOCUS ? text_put(out, room->document) : 0;
}

static void send_frame(struct wire *wire, const char *bytes, size_t length) {
  char masked[4096 + 14];
  if (length > 4096) fail("a frame of an editor is too long");
  wire_send(wire, masked, frame_put(masked, BINARY, bytes, length));
}

void yjs_greet(struct wire *wire, const struct yjs_room *room, int client_id) {
  char text[4096];
  if (room->framing == Y_WEBSOCKET) {
    yjs_synchronize(wire, room, client_id);
    return;
  }
  const char *token = room->token ? room->token : "";
  if (strlen(token) > 3000) fail("the token is too long");
  size_t length = head_put(text, room);
  text[length++] = AUTH;
  text[length++] = 0;
  length += text_put(text + length, token);
  length += text_put(text + length, "4.8.0");
  send_frame(wire, text, length);
}

void yjs_synchronize(struct wire *wire, const struct yjs_room *room, int client_id) {
  static const char state[] = "{\"user\":{\"name\":\"Ann\",\"color\":\"#0b6b57\"}}";
  char text[512], awareness[256];
  size_t length = head_put(text, room);
  /* Step 1 with an empty state vector. */
  memcpy(text + length, (char[]){SYNC, 0, 1, 0}, 4);
  send_frame(wire, text, length + 4);
  size_t size = number_put(awareness, 1);
  size += number_put(awareness + size, (size_t)client_id);
  size += number_put(awareness + size, 1);
  size += text_put(awareness + size, state);
  length = head_put(text, room);
  text[length++] = AWARENESS;
  length += number_put(text + length, size);
  memcpy(text + length, awareness, size);
  send_frame(wire, text, length + size);
}

void yjs_answer(struct wire *wire, const struct yjs_room *room) {
  char text[128];
  size_t length = head_put(text, room);
  memcpy(text + length, (char[]){SYNC, 1, 2, 0, 0}, 5);
  send_frame(wire, text, length + 5);
}

enum yjs_message yjs_read(const struct frame *frame, const struct yjs_room *room, const char *who) {
  const char *at = frame->data, *end = at + frame->length;
  if (frame->opcode != BINARY) fault("%s: a frame with opcode %d arrived", who, frame->opcode);
  /* Pings of Hocuspocus are a single byte. */
  if (frame->length < 2) return YJS_OTHER;
  if (room->framing == HOCUSPOCUS) {
    size_t size = (uint8_t)*at++;
    if (size != strlen(room->document) || (size_t)(end - at) < size + 2 ||
        memcmp(at, room->document, size) != 0)
      fault("%s: a frame of another document arrived", who);
    at += size;
  }
  int type = *at++;
  if (at == end) return YJS_OTHER;
  if (type == SYNC || type == SYNC_REPLY) {
    switch (*at) {
      case 0: return YJS_STEP_1;
      case 1: return YJS_STEP_2;
      case 2: return YJS_UPDATE;
      default: fault("%s: a sync message of type %d arrived", who, *at);
    }
  }
  if (type == AUTH && room->framing == HOCUSPOCUS && *at == 2) return YJS_AUTHENTICATED;
  if (type == AUTH) fault("%s: the server refused the editor", who);
  return YJS_OTHER;
}

size_t yjs_update_put(char *out, const struct yjs_room *room, const char *update, size_t length) {
  char text[UPDATE_BYTES_MAX + DOCUMENT_BYTES_MAX + 8];
  if (length > UPDATE_BYTES_MAX) fail("an update of %zu bytes", length);
  size_t head = head_put(text, room);
  text[head++] = SYNC;
  text[head++] = 2;
  head += number_put(text + head, length);
  memcpy(text + head, update, length);
  return frame_put(out, BINARY, text, head + length);
}

struct update *updates_read(const char *path, uint32_t count) {
  FILE *file = path ? fopen(path, "r") : NULL;
  if (!file) fail("cannot read the updates %s", path ? path : "(--updates is missing)");
  struct update *updates = calloc(count, sizeof *updates);
  for (uint32_t i = 0; updates && i < count; i++) {
    uint8_t head[4];
    if (fread(head, 4, 1, file) != 1) fail("%s has fewer than %u updates", path, count);
    uint32_t length = head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16;
    char *bytes = malloc(length);
    if (!bytes || fread(bytes, length, 1, file) != 1) fail("%s ends within an update", path);
    updates[i] = (struct update){bytes, length};
  }
  if (!updates) fail("out of memory");
  fclose(file);
  return updates;
}
