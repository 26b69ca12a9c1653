/* How often a byte stands in a text, in all and block by block: line ends, mostly. */

#include "kernel.h"

/*
 * Bytes that are compared at once, and how many times before their counters, of a byte each, could run over.
 * Counters as wide as the bytes they count are what a compiler makes vector code of for the oldest processors too.
 */
#define WIDE 64
#define ROUNDS 255

KW_EXPORT size_t kw_count(const uint8_t *text, size_t size, uint8_t byte)
{
    size_t total = 0;
    while (size >= WIDE) {
        size_t rounds = size / WIDE;
        if (rounds > ROUNDS)
            rounds = ROUNDS;
        uint8_t seen[WIDE] = {0};
        for (size_t round = 0; round < rounds; round++, text += WIDE)
            for (size_t i = 0; i < WIDE; i++)
                seen[i] += text[i] == byte;
        for (size_t i = 0; i < WIDE; i++)
            total += seen[i];
        size -= rounds * WIDE;
    }
    for (size_t i = 0; i < size; i++)
        total += text[i] == byte;
    return total;
}

/*
 * Writes to before[n] how often `byte` stands in front of block n of `block` bytes, and last how often in all: one
 * number more than there are blocks, the last of which may be short.
 * Returns how many numbers were written, -1 for blocks of no bytes, or -2 where there is no room for all: then none was.
 */
KW_EXPORT int64_t kw_counts(const uint8_t *text, size_t size, uint8_t byte, size_t block, uint64_t *before, size_t room)
{
    if (block == 0)
        return -1;
    size_t blocks = size / block + (size % block != 0);
    if (blocks >= room)
        return -2;
    uint64_t total = 0;
    for (size_t n = 0; n < blocks; n++) {
        size_t at = n * block;
        size_t left = size - at;
        before[n] = total;
        total += kw_count(text + at, left < block ? left : block, byte);
    }
    before[blocks] = total;
    return (int64_t)(blocks + 1);
}
