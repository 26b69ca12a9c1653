/*
 * A list of different names of objects, in the order in which they came, and where each stands in it.
 *
 * Names are looked up by a hash under a key that nobody knows: whoever wrote a repository names objects in it as he
 * likes, and a hash that can be foreseen would let him make each look-up as long as the list.
 */
#ifndef KEYWATCH_NAMES_H
#define KEYWATCH_NAMES_H

#include "kernel.h"

/* Bytes of the longest name, that of SHA-256. */
enum { LONGEST = 32 };

/* As `Names` in names.py has it, whose memory all of this is. */
typedef struct {
    uint64_t key[2];
    uint64_t size; /* bytes of a name */
    uint8_t *names; /* one behind the other */
    uint64_t room;
    uint64_t count;
    uint32_t *slots; /* numbers of names, from 1 on, where their hashes lead; a power of two of them */
    uint64_t mask;
} Names;

static inline uint64_t mixed(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash(const uint64_t *key, const uint8_t *bytes, size_t size)
{
    uint64_t seed = key[0] ^ size;
    while (size) {
        uint64_t word[2] = {0, 0};
        size_t taken = size < sizeof word ? size : sizeof word;
        memcpy(word, bytes, taken);
        seed = mixed(word[0] ^ seed, word[1] ^ key[1]);
        bytes += taken;
        size -= taken;
    }
    return mixed(seed ^ key[1], key[0]);
}

/* Whether slots are at least twice as many as what they number, and numbers fit: only then does a look-up end soon. */
static inline int fits(uint64_t room, uint64_t mask)
{
    return room < UINT32_MAX / 2 && mask < UINT32_MAX && mask / 2 >= room && !((mask + 1) & mask);
}

static inline int are_sound(const Names *names)
{
    return names->size && names->size <= LONGEST && fits(names->room, names->mask) && names->count <= names->room;
}

static inline const uint8_t *name_at(const Names *names, uint64_t number)
{
    return names->names + number * names->size;
}

/* Returns where the number of a name stands, or would stand: it is 0 there then. */
static inline uint32_t *name_slot(const Names *names, const uint8_t *name)
{
    for (uint64_t at = hash(names->key, name, names->size);; at++) {
        uint32_t *slot = &names->slots[at & names->mask];
        if (!*slot || !memcmp(name_at(names, *slot - 1), name, names->size))
            return slot;
    }
}

/* Adds a name that has none to its slot, for which there is room. */
static inline void add_name(Names *names, const uint8_t *name, uint32_t *slot)
{
    memcpy(names->names + names->count * names->size, name, names->size);
    *slot = (uint32_t)++names->count;
}

/* Fills slots that are empty, after there came more of them. */
static inline void fill_slots(Names *names)
{
    for (uint64_t n = 0; n < names->count; n++)
        *name_slot(names, name_at(names, n)) = (uint32_t)(n + 1);
}

/* What a digit is worth, and 1 more, so that what is none is 0. */
static const uint8_t DIGITS[256] = {
    ['0'] = 1, ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

/* Reads a name of `size` bytes. Returns 0, or DAMAGED. */
static inline int read_name(const uint8_t *text, size_t size, uint8_t *name)
{
    int right = 1;
    for (size_t i = 0; i < size; i++) {
        unsigned high = DIGITS[text[2 * i]], low = DIGITS[text[2 * i + 1]];
        right &= high && low;
        name[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    return right ? 0 : DAMAGED;
}

#endif
