/*
 * A pack of git's and its index, as they lie in memory. https://git-scm.com/docs/gitformat-pack
 *
 * Both come from whoever wrote the repository: each place in them is held against their sizes before it is read.
 */
#ifndef KEYWATCH_PACK_H
#define KEYWATCH_PACK_H

#include "kernel.h"

/* Bytes. No object's header is longer, and no object is as large. */
#define HEAD 64
#define ENORMOUS ((uint64_t)1 << 48)
#define NOWHERE UINT64_MAX

enum { COMMIT = 1, TREE = 2, BLOB = 3, TAG = 4, OFFSET_DELTA = 6, NAME_DELTA = 7 };

/* --- the index -------------------------------------------------------------------------------------------------- */

enum { MAGIC = 8, FAN = 256 * 4 };
#define FAR 0x80000000u

static inline uint32_t four(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

typedef struct {
    const uint8_t *bytes;
    uint64_t size;
    uint64_t name_size;
    uint64_t count;
    const uint8_t *names;
    const uint8_t *near; /* an offset of four bytes each */
    uint64_t far; /* where offsets of eight bytes begin */
} Index;

static inline uint64_t fan(const Index *index, unsigned byte)
{
    return byte ? four(index->bytes + MAGIC + (byte - 1) * 4) : 0;
}

static inline int open_index(Index *index)
{
    uint64_t name_size = index->name_size;
    if (name_size < 20 || name_size > 32 || index->size < MAGIC + FAN)
        return DAMAGED;
    for (unsigned byte = 0; byte < 256; byte++)
        if (fan(index, byte) > fan(index, byte + 1))
            return DAMAGED;
    index->count = fan(index, 256);
    if (index->size - MAGIC - FAN < index->count * (name_size + 8))
        return DAMAGED;
    index->names = index->bytes + MAGIC + FAN;
    index->near = index->names + index->count * (name_size + 4);
    index->far = MAGIC + FAN + index->count * (name_size + 8);
    return 0;
}

static inline uint64_t eight(const uint8_t *bytes)
{
    return (uint64_t)four(bytes) << 32 | four(bytes + 4);
}

/* How a name compares to the one at a place. */
static inline int compared(const Index *index, uint64_t place, const uint8_t *name)
{
    const uint8_t *other = index->names + place * index->name_size;
    uint64_t one = eight(name), two = eight(other);
    if (one != two)
        return one < two ? -1 : 1;
    return memcmp(name, other, index->name_size);
}

/* Finds where an object stands: NOWHERE if not here. Returns 0, or DAMAGED. */
static inline int find(const Index *index, const uint8_t *name, uint64_t *offset)
{
    uint64_t low = fan(index, name[0]), high = fan(index, name[0] + 1u);
    *offset = NOWHERE;
    if (low >= high)
        return 0;
    /* Names are spread evenly: near where it should stand there is most often little to be searched. */
    uint64_t place = low + ((high - low) * four(name + 1) >> 32), near = 8;
    int order = compared(index, place, name);
    if (order > 0) {
        low = place + 1;
        for (; high - low > near && compared(index, low + near, name) > 0; near *= 2)
            low += near + 1;
        if (high - low > near)
            high = low + near + 1;
    } else if (order < 0) {
        high = place;
        for (; high - low > near && compared(index, high - near - 1, name) < 0; near *= 2)
            high -= near + 1;
        if (high - low > near)
            low = high - near - 1;
    }
    while (order && low < high) {
        place = (low + high) / 2;
        order = compared(index, place, name);
        if (order > 0)
            low = place + 1;
        else
            high = place;
    }
    if (order)
        return 0;
    uint32_t short_offset = four(index->near + place * 4);
    *offset = short_offset;
    if (short_offset & FAR) {
        uint64_t at = index->far + (uint64_t)(short_offset ^ FAR) * 8;
        if (at > index->size || index->size - at < 8)
            return DAMAGED;
        *offset = eight(index->bytes + at);
    }
    return 0;
}

/* --- the pack --------------------------------------------------------------------------------------------------- */

typedef struct {
    unsigned kind;
    uint64_t size; /* of the object; of a delta, of the delta itself */
    uint64_t start; /* where its compressed bytes begin */
    uint64_t base; /* where what it is a delta of stands; NOWHERE for what is whole */
} Head;

/*
 * Reads the header of an object. Returns 0, or DAMAGED.
 *
 * Without an index that is open, a base that is named is not looked up.
 */
static inline int read_head(const Index *index, const uint8_t *pack, uint64_t pack_size, uint64_t offset, Head *head)
{
    if (offset >= pack_size)
        return DAMAGED;
    const uint8_t *bytes = pack + offset;
    uint64_t most = pack_size - offset < HEAD ? pack_size - offset : HEAD, at = 1, size = bytes[0] & 15;
    uint8_t byte = bytes[0];
    *head = (Head){.kind = byte >> 4 & 7, .base = NOWHERE};
    for (unsigned shift = 4; byte & 0x80; shift += 7) {
        if (at == most || shift > 48)
            return DAMAGED;
        byte = bytes[at++];
        size |= (uint64_t)(byte & 0x7f) << shift;
    }
    if (size >= ENORMOUS)
        return DAMAGED;
    head->size = size;
    if (head->kind == OFFSET_DELTA) {
        uint64_t back = 0;
        do {
            if (at == most || back > ENORMOUS)
                return DAMAGED;
            byte = bytes[at++];
            back = (back << 7 | (byte & 0x7f)) + (byte & 0x80 ? 1 : 0);
        } while (byte & 0x80);
        if (!back || back > offset)
            return DAMAGED;
        head->base = offset - back;
    } else if (head->kind == NAME_DELTA) {
        if (most - at < index->name_size)
            return DAMAGED;
        if (index->bytes && (find(index, bytes + at, &head->base) || head->base == NOWHERE))
            return DAMAGED;
        at += index->name_size;
    }
    head->start = offset + at;
    return 0;
}

/* As libdeflate has it: https://github.com/ebiggers/libdeflate/blob/master/libdeflate.h */
typedef int (*Inflate)(void *inflater, const void *from, size_t size, void *into, size_t room, size_t *made);

/* Inflates exactly `size` bytes. What does not shrink grows by a few bytes; only a strange compressor makes it grow more. */
static inline int inflated(Inflate inflate, void *inflater, const uint8_t *pack, uint64_t pack_size, uint64_t start,
                           uint8_t *into, uint64_t size)
{
    const uint64_t rooms[2] = {size + size / 1000 + 64, 2 * size + 4096};
    uint64_t left = pack_size - start;
    for (int attempt = 0; attempt < 2; attempt++) {
        uint64_t room = rooms[attempt] < left ? rooms[attempt] : left;
        size_t made = 0;
        if (!inflate(inflater, pack + start, room, into, size, &made))
            return made == size ? 0 : DAMAGED;
    }
    return DAMAGED;
}

#endif
