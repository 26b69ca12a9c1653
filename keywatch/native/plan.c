/*
 * Which blobs of a pack are looked through together: where each stands, what it is made of, whose family it is of.
 *
 * https://git-scm.com/docs/gitformat-pack. The pack and its index come from whoever wrote the repository: each place in
 * them is held against their sizes before it is read. All memory is the caller's.
 */

#include "kernel.h"

enum { DAMAGED = -1 };

enum { MAGIC = 8, FAN = 256 * 4, OFS_DELTA = 6, REF_DELTA = 7 };
/* Bytes. No object's header is longer, and no object is as large. */
#define HEAD 64
#define ENORMOUS ((uint64_t)1 << 48)
#define FAR 0x80000000u
#define NONE UINT64_MAX

/* How much work a blob is: a byte of a delta is more than one of a whole blob, and each delta is some. */
enum { DELTA_COST = 8, DELTA_EACH = 1024 };

static uint32_t four(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* --- the index -------------------------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *bytes;
    uint64_t size;
    uint64_t name_size;
    uint64_t count;
    const uint8_t *names;
    const uint8_t *near; /* an offset of four bytes each */
    uint64_t far; /* where offsets of eight bytes begin */
} Index;

static uint64_t fan(const Index *index, unsigned byte)
{
    return byte ? four(index->bytes + MAGIC + (byte - 1) * 4) : 0;
}

static int open_index(Index *index)
{
    uint64_t name_size = index->name_size;
    if (name_size < 1 || name_size > 32 || index->size < MAGIC + FAN)
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

/* Finds where an object stands: NONE if not here. Returns 0, or DAMAGED. */
static int find(const Index *index, const uint8_t *name, uint64_t *offset)
{
    uint64_t low = fan(index, name[0]), high = fan(index, name[0] + 1u);
    *offset = NONE;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        int order = memcmp(index->names + middle * index->name_size, name, index->name_size);
        if (!order) {
            uint32_t near = four(index->near + middle * 4);
            *offset = near;
            if (near & FAR) {
                uint64_t at = index->far + (uint64_t)(near ^ FAR) * 8;
                if (at > index->size || index->size - at < 8)
                    return DAMAGED;
                *offset = (uint64_t)four(index->bytes + at) << 32 | four(index->bytes + at + 4);
            }
            return 0;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

/* --- the pack --------------------------------------------------------------------------------------------------- */

/* Reads the header of an object: its size, and where its base stands, NONE if it is whole. Returns 0, or DAMAGED. */
static int header(const Index *index, const uint8_t *pack, uint64_t pack_size, uint64_t offset, uint64_t *size,
                  uint64_t *base)
{
    if (offset >= pack_size)
        return DAMAGED;
    const uint8_t *head = pack + offset;
    uint64_t most = pack_size - offset < HEAD ? pack_size - offset : HEAD, at = 1;
    uint8_t byte = head[0];
    unsigned kind = byte >> 4 & 7, shift = 4;
    *size = byte & 15;
    *base = NONE;
    while (byte & 0x80) {
        if (at == most || shift > 48)
            return DAMAGED;
        byte = head[at++];
        *size |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    }
    if (*size >= ENORMOUS)
        return DAMAGED;
    if (kind == OFS_DELTA) {
        uint64_t back = 0;
        do {
            if (at == most || back > ENORMOUS)
                return DAMAGED;
            byte = head[at++];
            back = (back << 7 | (byte & 0x7f)) + (byte & 0x80 ? 1 : 0);
        } while (byte & 0x80);
        if (!back || back > offset)
            return DAMAGED;
        *base = offset - back;
    } else if (kind == REF_DELTA) {
        if (most - at < index->name_size || find(index, head + at, base) || *base == NONE)
            return DAMAGED;
    }
    return 0;
}

/* --- the plan --------------------------------------------------------------------------------------------------- */

/* What is worked with, for each blob; given by the caller, as long as there are names. */
typedef struct {
    uint64_t offset;
    uint64_t cost;
    uint32_t name; /* its number among the names */
    uint32_t parent; /* the place of what it is made of, or its own */
    uint32_t first; /* the place at which its family begins */
    uint32_t later; /* of a family's first: how many it has, then where the next goes; UINT32_MAX: they are left out */
} Place;

/* Sorts by offset, eleven bits at a time; places with the same one stay in order. Returns the array that is sorted. */
static Place *by_offset(Place *places, Place *other, size_t count, uint64_t most)
{
    enum { BITS = 11, BUCKETS = 1 << BITS };
    for (unsigned shift = 0; shift < 64 && most >> shift; shift += BITS) {
        uint32_t starts[BUCKETS + 1] = {0};
        for (size_t n = 0; n < count; n++)
            starts[(places[n].offset >> shift & (BUCKETS - 1)) + 1]++;
        for (size_t n = 0; n < BUCKETS; n++)
            starts[n + 1] += starts[n];
        for (size_t n = 0; n < count; n++)
            other[starts[places[n].offset >> shift & (BUCKETS - 1)]++] = places[n];
        Place *swap = places;
        places = other;
        other = swap;
    }
    return places;
}

/* Returns the last place at an offset among the first `count`, or `count`. */
static uint32_t place_at(const Place *places, uint32_t count, uint64_t offset)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (places[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low && places[low - 1].offset == offset ? low - 1 : count;
}

/*
 * Puts those of `count` names that a pack has, and that are not `taken`, together into lots of whole families, each of
 * about `share` bytes of work. They are taken then, but for families that begin with a blob above `largest` bytes.
 *
 * Written, lot by lot and in it family by family: each name, and its number to `members`, its offset, and the place
 * in its lot of what it is made of, -1 if that is not in it; of each lot where it ends and its work. Each has room for
 * `count`, `places` for twice as many.
 *
 * Returns how many lots there are, or DAMAGED: then nothing was taken.
 */
KW_EXPORT int64_t kw_plan(const uint8_t *index_bytes, size_t index_size, const uint8_t *pack, size_t pack_size,
                          const uint8_t *names, size_t name_size, size_t count, uint64_t largest, uint64_t share,
                          uint8_t *taken, Place *places, uint8_t *named, uint32_t *members, uint64_t *offsets, int64_t *parents,
                          uint64_t *ends, uint64_t *costs)
{
    Index index = {.bytes = index_bytes, .size = index_size, .name_size = name_size};
    if (count >= UINT32_MAX || open_index(&index))
        return DAMAGED;
    uint32_t here = 0;
    uint64_t last = 0;
    for (size_t n = 0; n < count; n++) {
        uint64_t offset;
        if (taken[n])
            continue;
        if (find(&index, names + n * name_size, &offset))
            return DAMAGED;
        if (offset == NONE)
            continue;
        if (offset > last)
            last = offset;
        places[here++] = (Place){.offset = offset, .name = (uint32_t)n};
    }
    places = by_offset(places, places + count, here, last);
    for (uint32_t place = 0; place < here; place++) {
        Place *this = &places[place];
        uint64_t size, base;
        int too_large = 0;
        this->parent = place;
        if (!header(&index, pack, pack_size, this->offset, &size, &base)) { /* else whoever reads it will ask git */
            this->cost = base == NONE ? size : DELTA_COST * size + DELTA_EACH;
            too_large = base == NONE && size > largest;
            /* Bases come first in a pack; one that does not would need another order to be read in. */
            if (base < this->offset) {
                uint32_t parent = place_at(places, place, base);
                if (parent < place)
                    this->parent = parent;
            }
        }
        this->first = this->parent == place ? place : places[this->parent].first;
        Place *first = &places[this->first];
        if (too_large)
            first->later = UINT32_MAX; /* git says how large it is, and is asked for what is made of it */
        else if (first->later != UINT32_MAX)
            first->later++;
        if (first != this)
            first->cost += this->cost;
    }
    int64_t lots = 0;
    uint32_t filled = 0;
    uint64_t cost = 0;
    for (uint32_t place = 0; place < here; place++) {
        Place *first = &places[place];
        if (first->first != place || first->later == UINT32_MAX)
            continue;
        uint32_t size = first->later;
        first->later = filled;
        filled += size;
        cost += first->cost;
        ends[lots] = filled;
        costs[lots] = cost;
        if (cost >= share) {
            lots++;
            cost = 0;
        }
    }
    if (filled && (!lots || ends[lots - 1] < filled))
        lots++;
    /* Places ascend in each family, so what one is made of has got its own before. */
    for (uint32_t place = 0; place < here; place++) {
        Place *this = &places[place];
        Place *first = &places[this->first];
        if (first->later == UINT32_MAX)
            continue;
        uint32_t target = first->later++;
        memcpy(named + target * name_size, names + this->name * name_size, name_size);
        members[target] = this->name;
        offsets[target] = this->offset;
        parents[target] = this->parent == place ? -1 : (int64_t)places[this->parent].cost;
        this->cost = target; /* what it was is in its lot's */
        taken[this->name] = 1;
    }
    for (int64_t lot = 1; lot < lots; lot++)
        for (uint64_t target = ends[lot - 1]; target < ends[lot]; target++)
            if (parents[target] >= 0)
                parents[target] -= (int64_t)ends[lot - 1];
    return lots;
}
