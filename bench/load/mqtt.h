/* The client's side of MQTT 3.1.1 and 5.0 as far as the bench needs it: packets, put and taken. */
#ifndef LOCKGATE_BENCH_MQTT_H
#define LOCKGATE_BENCH_MQTT_H

#include <stddef.h>
#include <stdint.h>

enum packet_type { CONNACK = 2, PUBLISH = 3, PUBACK = 4, SUBACK = 9, DISCONNECT = 14, AUTH = 15 };

/* Our bounds on what a file of accounts holds. */
#define CLIENT_ID_BYTES_MAX 64
#define USERNAME_BYTES_MAX 128
#define PASSWORD_BYTES_MAX 1024
#define TOPIC_BYTES_MAX 160
/* What any packet of a client has room in, PUBLISH with a small payload included. */
#define PACKET_BYTES_MAX 2048

/* Who a client says it is; without user name it is anonymous. */
struct account {
  char client_id[CLIENT_ID_BYTES_MAX + 1];
  char username[USERNAME_BYTES_MAX + 1];
  char password[PASSWORD_BYTES_MAX + 1];
};

struct packet {
  int type, flags;
  const uint8_t *body;
  size_t length;
};

/* A PUBLISH of a server, taken apart. */
struct published {
  int qos;
  uint16_t packet_id;
  const char *topic, *payload;
  size_t topic_length, payload_length;
};

/* Takes one packet off the front. Returns its whole length, 0 when its end has not arrived. */
size_t packet_take(const char *bytes, size_t length, struct packet *packet, const char *who);
/* Anything but a sound PUBLISH is a fault. */
struct published publish_read(const struct packet *packet, int level, const char *who);
/* The packet id that PUBACK or SUBACK is about; a code that says no is a fault. */
uint16_t acknowledged_id(const struct packet *packet, const char *who);
void connack_check(const struct packet *packet, const char *who);
/* AUTH with reason success, which ends a re-authentication. */
void auth_check(const struct packet *packet, const char *who);
/* Explains a packet that ends the connection or that nobody asked for. */
_Noreturn void packet_fault(const struct packet *packet, const char *who);

/*
 * Each writes one packet to `out` and returns its length. Sessions are clean. On level 5 the
 * password is shown by the authentication method, so that the connection can be renewed in place.
 */
size_t connect_put(char *out, const struct account *account, int level);
size_t subscribe_put(char *out, const char *topic, int qos, int level);
size_t puback_put(char *out, uint16_t packet_id);
size_t auth_put(char *out, const char *password);

struct outgoing {
  const char *topic, *payload;
  size_t payload_length;
  int qos;
  uint16_t packet_id;
};
size_t publish_put(char *out, const struct outgoing *message, int level);

#endif
