/* The least that a stream server can do, as a measure for those that do more.
 *
 * One thread, epoll, no allocation but for a connection. What comes is a frame of
 * WebSocket with a `media` message; its payload is decoded, filtered to twice its rate
 * and back, encoded and sent as `playAudio`. No queue, no pacing, no ledger, no
 * interruption, and nothing is checked: whoever calls it means well.
 *
 * Without `is_whole` every byte is just sent back. The filter is the product's own.
 */
#define _GNU_SOURCE
#include "../../bridge/audio/_fir.c"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define READ_BYTES 65536
#define FRAME 160 /* samples of 20 ms */

typedef struct {
    int fd, is_whole;
    size_t used;
    Filter up, down;
    unsigned char data[READ_BYTES];
} Caller;

static const char LETTERS[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static signed char VALUES[256];

static size_t decode(const char *text, size_t size, unsigned char *out)
{
    unsigned char *begin = out;
    for (size_t i = 0; i + 4 <= size; i += 4) {
        const signed char *v = VALUES;
        const unsigned char *t = (const unsigned char *)text + i;
        const uint32_t bits = (uint32_t)v[t[0]] << 18 | (uint32_t)v[t[1]] << 12 |
                              (uint32_t)v[t[2]] << 6 | (uint32_t)v[t[3]];
        *out++ = (unsigned char)(bits >> 16);
        if (t[2] != '=')
            *out++ = (unsigned char)(bits >> 8);
        if (t[3] != '=')
            *out++ = (unsigned char)bits;
    }
    return (size_t)(out - begin);
}

static size_t encode(const unsigned char *data, size_t size, char *out)
{
    char *begin = out;
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const uint32_t bits = (uint32_t)data[i] << 16 |
                              (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                              (left > 2 ? (uint32_t)data[i + 2] : 0);
        *out++ = LETTERS[bits >> 18];
        *out++ = LETTERS[bits >> 12 & 63];
        *out++ = left > 1 ? LETTERS[bits >> 6 & 63] : '=';
        *out++ = left > 2 ? LETTERS[bits & 63] : '=';
    }
    return (size_t)(out - begin);
}

/* Answer one message. */
static void answer(Caller *caller, const char *text, size_t size)
{
    static const char KEY[] = "\"payload\":\"";
    static const char HEAD[] = "{\"event\":\"playAudio\",\"media\":{\"payload\":\"";
    static const char TAIL[] = "\",\"contentType\":\"audio/x-l16\",\"sampleRate\":8000}}";
    int16_t heard[FRAME], twice[2 * FRAME];
    char said[4 + sizeof HEAD + 4 * FRAME + sizeof TAIL], *end = said + 4;
    const char *payload = memmem(text, size, KEY, sizeof KEY - 1);
    if (payload == NULL)
        return;
    payload += sizeof KEY - 1;
    const char *last = memchr(payload, '"', size - (size_t)(payload - text));
    if (last == NULL || last - payload > 4 * ((int)sizeof heard / 3 + 1))
        return;
    const size_t bytes = decode(payload, (size_t)(last - payload), (void *)heard);
    filter_piece(&caller->up, heard, (Py_ssize_t)bytes / 2, twice);
    filter_piece(&caller->down, twice, (Py_ssize_t)bytes / 2, heard);
    memcpy(end, HEAD, sizeof HEAD - 1);
    end += sizeof HEAD - 1;
    end += encode((void *)heard, bytes, end);
    memcpy(end, TAIL, sizeof TAIL - 1);
    end += sizeof TAIL - 1;
    const size_t length = (size_t)(end - said) - 4;
    said[0] = (char)0x81;
    said[1] = 126;
    said[2] = (char)(length >> 8);
    said[3] = (char)length;
    (void)!write(caller->fd, said, (size_t)(end - said));
}

/* Take what came; what is left of it is the beginning of another frame. 0 at goodbye. */
static int take(Caller *caller)
{
    unsigned char *data = caller->data, *end = data + caller->used;
    while (end - data >= 2) {
        const size_t head = (data[1] & 0x7f) == 126 ? 4 : 2;
        if ((size_t)(end - data) < head + 4)
            break;
        const size_t size = head == 4 ? (size_t)data[2] << 8 | data[3] : data[1] & 0x7f;
        unsigned char *mask = data + head, *text = mask + 4;
        if ((size_t)(end - text) < size)
            break;
        for (size_t i = 0; i < size; i++)
            text[i] ^= mask[i & 3];
        if ((data[0] & 0x0f) == 8)
            return 0;
        answer(caller, (char *)text, size);
        data = text + size;
    }
    caller->used = (size_t)(end - data);
    memmove(caller->data, data, caller->used);
    return 1;
}

static void set_taps(Filter *filter, float *taps, Py_ssize_t up, Py_ssize_t down,
                     Py_ssize_t memory)
{
    filter->up = up;
    filter->down = down;
    filter->memory = memory;
    filter->taps.buf = taps;
}

/* Serve a connection from now on. */
int add(int epoll, int fd, int is_whole, float *up, int up_memory, float *down,
        int down_memory)
{
    Caller *caller = calloc(1, sizeof *caller);
    if (caller == NULL)
        return -1;
    for (int i = 0; i < 64; i++)
        VALUES[(unsigned char)LETTERS[i]] = (signed char)i;
    caller->fd = fd;
    caller->is_whole = is_whole;
    set_taps(&caller->up, up, 2, 1, up_memory);
    set_taps(&caller->down, down, 1, 2, down_memory);
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = caller}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Serve all connections of an epoll instance, for ever. */
void serve(int epoll)
{
    struct epoll_event events[256];
    for (;;) {
        const int count = epoll_wait(epoll, events, 256, -1);
        if (count < 0 && errno != EINTR)
            return;
        for (int i = 0; i < count; i++) {
            Caller *caller = events[i].data.ptr;
            const ssize_t got = read(caller->fd, caller->data + caller->used,
                                     READ_BYTES - caller->used);
            int goes_on = got > 0;
            if (goes_on && !caller->is_whole)
                (void)!write(caller->fd, caller->data, (size_t)got);
            else if (goes_on) {
                caller->used += (size_t)got;
                goes_on = take(caller);
            }
            if (!goes_on) {
                close(caller->fd);
                free(caller);
            }
        }
    }
}
