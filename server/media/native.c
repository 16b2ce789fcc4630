/* The inner loop of the fan-out: one payload under many headers, each encrypted by its own
 * session and sent to its own address by one socket. It does what Batch in batch.py does, and
 * is tested by the same tests; native.py compiles and calls it.
 *
 * - Nothing is kept between calls, nothing is allocated: packets are made on the stack, a few
 *   at a time and close together, so that they are still in the first cache when the kernel
 *   copies them.
 * - libsrtp is pylibsrtp's own, given as a pointer: neither its headers nor the library are
 *   needed to compile this.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum {
    HEADER_BYTES = 12,    /* RFC 3550, 5.1, without CSRCs */
    ADDRESS_BYTES = 28,   /* struct sockaddr_in6, the longer one */
    MOST_PAYLOAD = 1380,  /* as in batch.py */
    TRAILER_BYTES = 144,  /* SRTP_MAX_TRAILER_LEN: what srtp_protect may append */
    MOST_BYTES = HEADER_BYTES + MOST_PAYLOAD + TRAILER_BYTES,
    LINE_BYTES = 64,      /* of the cache */
    AT_ONCE = 32,         /* packets made before they are sent */
};

_Static_assert(MOST_BYTES % LINE_BYTES == 0, "a row of the longest packet fills its lines");

/* srtp_protect of libsrtp 2: encrypts in place, tells the new size; not 0 where it failed. */
typedef int (*protect_function)(void *session, void *packet, int *size);

/* Hands packets to the kernel. A packet that it refuses is noted, and those after it go on. */
static int handed_over(int socket, struct mmsghdr *messages, const size_t *rows, size_t count,
                       uint8_t *refused) {
    int failures = 0;
    size_t done = 0;
    while (done < count) {
        int sent = sendmmsg(socket, messages + done, (unsigned)(count - done), MSG_DONTWAIT);
        if (sent > 0) {
            done += (size_t)sent;
        } else if (sent == 0 || errno != EINTR) {
            refused[rows[done]] = 1;
            failures++;
            done++;
        }
    }
    return failures;
}

/* Sends `payload` to `count` addresses; row n of `headers` (HEADER_BYTES each), `sessions`,
 * `addresses` (ADDRESS_BYTES each) and `refused` belongs to packet n. Writes 1 to `refused` for
 * each packet that was not sent, because the kernel had no room or libsrtp failed, and 0 for all
 * others. Returns how many were refused; -1, having done nothing, for too long a payload. */
int tolk_send(int socket, const uint8_t *payload, size_t payload_bytes, size_t count,
              const uint8_t *headers, void *const *sessions, const uint8_t *addresses,
              protect_function protect, uint8_t *refused) {
    _Alignas(LINE_BYTES) uint8_t packets[AT_ONCE * MOST_BYTES];
    struct mmsghdr messages[AT_ONCE];
    struct iovec vectors[AT_ONCE];
    size_t rows[AT_ONCE];
    int failures = 0;

    if (payload_bytes > MOST_PAYLOAD)
        return -1;
    const size_t plain_bytes = HEADER_BYTES + payload_bytes;
    /* At most MOST_BYTES, and of whole lines: no two packets share one. */
    const size_t step = (plain_bytes + TRAILER_BYTES + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    memset(messages, 0, sizeof messages);

    for (size_t row = 0; row < count;) {
        size_t made = 0;
        for (; made < AT_ONCE && row < count; row++) {
            uint8_t *packet = packets + made * step;
            int size = (int)plain_bytes;
            refused[row] = 0;
            memcpy(packet, headers + row * HEADER_BYTES, HEADER_BYTES);
            memcpy(packet + HEADER_BYTES, payload, payload_bytes);
            if (protect(sessions[row], packet, &size) != 0) {
                refused[row] = 1; /* and is not sent: it may not be encrypted */
                failures++;
                continue;
            }
            vectors[made].iov_base = packet;
            vectors[made].iov_len = (size_t)size;
            messages[made].msg_hdr.msg_iov = &vectors[made];
            messages[made].msg_hdr.msg_iovlen = 1;
            /* sendmmsg only reads what it is given the address of. */
            messages[made].msg_hdr.msg_name = (void *)(uintptr_t)(addresses + row * ADDRESS_BYTES);
            messages[made].msg_hdr.msg_namelen = ADDRESS_BYTES;
            rows[made++] = row;
        }
        failures += handed_over(socket, messages, rows, made, refused);
    }
    return failures;
}
