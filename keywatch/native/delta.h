/*
 * Deltas of git's packs, walked along. https://git-scm.com/docs/gitformat-pack#_deltified_representation
 *
 * Nothing here trusts a delta: each place it names is held against the sizes of what it is a delta of, and makes.
 */
#ifndef KEYWATCH_DELTA_H
#define KEYWATCH_DELTA_H

#include "kernel.h"

/* Bytes between two changes that are told as one. */
enum { NEAR = 32 };

/* How far a delta has been read, and the change that is being put together of steps near each other. */
typedef struct {
    const uint8_t *delta;
    uint64_t size;
    uint64_t base_size;
    uint64_t made_size;
    uint64_t position; /* in the delta */
    uint64_t at;       /* in what it makes */
    uint64_t follows;  /* what comes next in the base */
    uint64_t begin;
    uint64_t end;
    int is_open;
    int is_last;
} Walk;

/* One instruction: so many bytes of the base, from `start` on; or new ones, from `position` of the delta on. */
typedef struct {
    uint64_t start;
    uint64_t position;
    uint64_t count;
    int is_new;
} Step;

static inline int64_t varint(const uint8_t *delta, uint64_t size, uint64_t *at)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
        if (*at >= size)
            return DAMAGED;
        uint8_t byte = delta[(*at)++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return (int64_t)value;
    }
    return DAMAGED;
}

static inline int begun(Walk *walk, const uint8_t *delta, uint64_t size)
{
    *walk = (Walk){.delta = delta, .size = size};
    int64_t base = varint(delta, size, &walk->position);
    int64_t made = base < 0 ? DAMAGED : varint(delta, size, &walk->position);
    if (made < 0)
        return DAMAGED;
    walk->base_size = (uint64_t)base;
    walk->made_size = (uint64_t)made;
    return 0;
}

/* Reads the next instruction. Returns 1; 0 where there is none and all is made; or DAMAGED. */
static inline int next_step(Walk *walk, Step *step)
{
    uint64_t left = walk->made_size - walk->at;
    if (walk->position == walk->size)
        return left ? DAMAGED : 0;
    uint8_t code = walk->delta[walk->position++];
    if (code & 0x80) {
        uint64_t start = 0, count = 0;
        for (int byte = 0; byte < 7; byte++) {
            if (!(code & 1 << byte))
                continue;
            if (walk->position == walk->size)
                return DAMAGED;
            uint64_t value = walk->delta[walk->position++];
            if (byte < 4)
                start |= value << 8 * byte;
            else
                count |= value << 8 * (byte - 4);
        }
        if (!count)
            count = 0x10000;
        if (start > walk->base_size || count > walk->base_size - start || count > left)
            return DAMAGED;
        *step = (Step){.start = start, .count = count};
    } else {
        if (!code || code > walk->size - walk->position || code > left)
            return DAMAGED;
        *step = (Step){.position = walk->position, .count = code, .is_new = 1};
        walk->position += code;
    }
    walk->at += step->count;
    return 1;
}

/* Writes down all that a delta, which has just begun, makes of its base. Returns 0, or DAMAGED. */
static inline int applied(Walk *walk, const uint8_t *base, uint8_t *made)
{
    Step step;
    int found;
    for (uint64_t to = 0; (found = next_step(walk, &step)) == 1; to = walk->at)
        memcpy(made + to, step.is_new ? walk->delta + step.position : base + step.start, step.count);
    return found;
}

/*
 * Goes on to the next stretch that is new; without a length, two pieces meet there that did not before. Returns 1 if there
 * is one, from `begin` up to before `end` of what is made; 0 behind the last; or DAMAGED.
 */
static inline int next_change(Walk *walk, uint64_t *begin, uint64_t *end)
{
    while (!walk->is_last) {
        Step step = {0};
        uint64_t from = walk->at;
        int is_change;
        int found = next_step(walk, &step);
        if (found < 0)
            return DAMAGED;
        if (found) {
            is_change = step.is_new || step.start != walk->follows;
            if (!step.is_new)
                walk->follows = step.start + step.count;
        } else {
            walk->is_last = 1;
            is_change = walk->follows != walk->base_size; /* what came behind is gone */
        }
        if (!is_change)
            continue;
        int is_whole = walk->is_open && from - walk->end >= NEAR;
        *begin = walk->begin;
        *end = walk->end;
        if (is_whole || !walk->is_open)
            walk->begin = from;
        walk->is_open = 1;
        walk->end = step.is_new ? walk->at : from;
        if (is_whole)
            return 1;
    }
    int is_left = walk->is_open;
    *begin = walk->begin;
    *end = walk->end;
    walk->is_open = 0;
    return is_left;
}

#endif
