/* What clients speak over a WebSocket. */
#ifndef LOCKGATE_BENCH_PROTOCOL_H
#define LOCKGATE_BENCH_PROTOCOL_H

/* RAW: plain WebSockets, ready after the upgrade. */
enum protocol { RAW, PUSHER, WSOCKET };

#endif
