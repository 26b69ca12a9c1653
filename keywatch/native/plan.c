/*
 * Which blobs of a pack are looked through together: where each stands, what it is made of, whose family it is of.
 *
 * All memory is the caller's.
 */

#include "pack.h"

/* How much work a blob is: a byte of a delta is more than one of a whole blob, and each delta is some. */
enum { DELTA_COST = 8, DELTA_EACH = 1024 };

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
        if (offset == NOWHERE)
            continue;
        if (offset > last)
            last = offset;
        places[here++] = (Place){.offset = offset, .name = (uint32_t)n};
    }
    places = by_offset(places, places + count, here, last);
    for (uint32_t place = 0; place < here; place++) {
        Place *this = &places[place];
        Head head;
        int too_large = 0;
        this->parent = place;
        if (!read_head(&index, pack, pack_size, this->offset, &head)) { /* else whoever reads it will ask git */
            int is_whole = head.base == NOWHERE;
            this->cost = is_whole ? head.size : DELTA_COST * head.size + DELTA_EACH;
            too_large = is_whole && head.size > largest;
            /* Bases come first in a pack; one that does not would need another order to be read in. */
            if (head.base < this->offset) {
                uint32_t parent = place_at(places, place, head.base);
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
