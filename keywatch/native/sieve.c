/*
 * Which parts of many texts need to be looked at: what is new in a version, and what of a text was not seen before.
 *
 * What needs to be looked at is taken out of its texts, one piece behind the other, and later it is told where in it
 * something was sighted. A part in which there was nothing is remembered by a name of 64 bits, and not taken out again.
 */

#include "sieve.h"

/* Bytes around what is new that are looked at again: `detect/changed.py` has the same, and says why. */
enum { MARGIN = 256 };

/* A part of a text is at least as long as what is sighted is wide, so that this lies in two parts at most. */
enum { LEAST = MARGIN, MOST = 2048 };

/* Names that share a line of the processor's cache. */
enum { WAYS = 8 };

/* What stands behind each piece: no pattern goes across it. */
static const uint8_t GAP[4] = {'\n', 0, 0, '\n'};

/* --- names --- */

static uint64_t folded(uint64_t one, uint64_t other)
{
    unsigned __int128 product = (unsigned __int128)one * other;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t loaded(const uint8_t *at, size_t count)
{
    uint64_t value = 0;
    memcpy(&value, at, count);
    return value;
}

/* The key is drawn for each process: whoever writes a text cannot give it another one's name. */
static uint64_t named(const uint64_t key[2], const uint8_t *text, size_t size)
{
    uint64_t name = key[0] ^ size;
    for (; size > 16; text += 16, size -= 16)
        name = folded(loaded(text, 8) ^ name, loaded(text + 8, 8) ^ key[1]);
    uint64_t low, high = 0;
    if (size >= 8) {
        low = loaded(text, 8);
        high = loaded(text + size - 8, 8);
    } else if (size >= 4) {
        low = loaded(text, 4);
        high = loaded(text + size - 4, 4);
    } else {
        low = size ? text[0] | (uint64_t)text[size / 2] << 8 | (uint64_t)text[size - 1] << 16 : 0;
    }
    return folded(low ^ name ^ 0x9e3779b97f4a7c15u, high ^ key[1] ^ 0xbf58476d1ce4e5b9u);
}

/* The name of two parts, one behind the other. */
static uint64_t paired(const uint64_t key[2], uint64_t one, uint64_t other)
{
    return folded(one ^ key[1], other ^ key[0] ^ 0x94d049bb133111ebu) | 1; /* 0 is where no name stands */
}

static _Atomic uint64_t *line_of(const Sieve *sieve, uint64_t name)
{
    return sieve->names + (name >> 20 & (sieve->lines - 1)) * WAYS;
}

static int is_known(const Sieve *sieve, uint64_t name)
{
    _Atomic uint64_t *line = line_of(sieve, name);
    for (int way = 0; way < WAYS; way++)
        if (atomic_load_explicit(line + way, memory_order_relaxed) == name)
            return 1;
    return 0;
}

/* Where a line is full, one of its names is forgotten. */
static void remember(const Sieve *sieve, uint64_t name)
{
    _Atomic uint64_t *line = line_of(sieve, name);
    int place = name >> 60 & (WAYS - 1);
    for (int way = 0; way < WAYS; way++) {
        uint64_t there = atomic_load_explicit(line + way, memory_order_relaxed);
        if (there == name)
            return;
        if (!there) {
            place = way;
            break;
        }
    }
    atomic_store_explicit(line + place, name, memory_order_relaxed);
}

/* --- what is taken out --- */

typedef struct {
    Sieve *sieve;
    const uint8_t *data;
    uint64_t size;
    uint64_t begin; /* of the run that is being put together; behind its end: there is none */
    uint64_t end;
    uint64_t first_claim; /* of this run */
    uint64_t taken;
    int is_full;
} Taking;

static Taking taking(Sieve *sieve, const uint8_t *data, uint64_t size)
{
    return (Taking){.sieve = sieve, .data = data, .size = size, .begin = 1, .first_claim = sieve->claim_count};
}

static void finish_run(Taking *take)
{
    Sieve *sieve = take->sieve;
    if (take->begin > take->end || take->is_full)
        return;
    uint64_t size = take->end - take->begin;
    if (sieve->room - sieve->used < size + sizeof GAP || sieve->run_count == sieve->run_room) {
        take->is_full = 1;
        return;
    }
    memcpy(sieve->text + sieve->used, take->data + take->begin, size);
    memcpy(sieve->text + sieve->used + size, GAP, sizeof GAP);
    sieve->runs[sieve->run_count++] = (Run){.at = sieve->used, .begin = take->begin, .size = size};
    for (; take->first_claim < sieve->claim_count; take->first_claim++) {
        Claim *claim = sieve->claims + take->first_claim;
        claim->begin += sieve->used - take->begin;
        claim->end += sieve->used - take->begin;
    }
    sieve->used += size + sizeof GAP;
    take->taken += size;
}

/* Takes out a stretch and what surrounds it. They come in ascending order. */
static void take_out(Taking *take, uint64_t begin, uint64_t end)
{
    begin = begin < MARGIN ? 0 : begin - MARGIN;
    end = take->size - end < MARGIN ? take->size : end + MARGIN;
    if (take->begin <= take->end && begin <= take->end) {
        if (end > take->end)
            take->end = end;
        return;
    }
    finish_run(take);
    take->begin = begin;
    take->end = end;
}

/* Notes a name for what was taken out just before, or stands in the same run. */
static void claim(Taking *take, uint64_t name, uint64_t begin, uint64_t end)
{
    Sieve *sieve = take->sieve;
    if (sieve->claim_count < sieve->claim_room)
        sieve->claims[sieve->claim_count++] = (Claim){.name = name, .begin = begin, .end = end};
}

/* --- a text --- */

/* Returns where the next part ends: whole lines, the last of which decides by what it says, so that copies part alike. */
static uint64_t part_end(const Sieve *sieve, const uint8_t *data, uint64_t size, uint64_t at, uint64_t *name)
{
    uint64_t begin = at, sum = sieve->key[1];
    while (at < size) {
        const uint8_t *line = data + at;
        const uint8_t *stop = memchr(line, '\n', size - at);
        uint64_t count = stop ? (uint64_t)(stop - line) + 1 : size - at;
        uint64_t own = named(sieve->key, line, count);
        sum = folded(sum ^ own, sieve->key[0] ^ 0x9e3779b97f4a7c15u);
        at += count;
        if (at - begin >= LEAST && (!(own >> 32 & sieve->mask) || at - begin >= MOST))
            break;
    }
    *name = sum | 1;
    return at;
}

/* Takes out what of a text is not known to be harmless. Returns AS_TEXT, or NO_ROOM: then nothing was taken. */
KW_EXPORT int64_t kw_sieve_text(Sieve *sieve, const uint8_t *data, size_t size)
{
    /* Names of parts are odd. */
    const uint64_t start_of_text = 2, end_of_text = 4;
    Sieve before = *sieve;
    Taking take = taking(sieve, data, size);
    uint64_t last = start_of_text;
    int is_last_known = 1;
    for (uint64_t at = 0, end; at < size; at = end) {
        uint64_t name;
        end = part_end(sieve, data, size, at, &name);
        uint64_t pair = paired(sieve->key, last, name);
        int is_name_known = is_known(sieve, name);
        if (!is_name_known) {
            take_out(&take, at, end);
            claim(&take, name, at, end);
            claim(&take, pair, at ? at - 1 : 0, at + 1);
        } else if (!is_known(sieve, pair)) {
            /* Something may lie across. Beside a part that is taken out, what surrounds that shows it. */
            if (is_last_known)
                take_out(&take, at, at);
            claim(&take, pair, at ? at - 1 : 0, at + 1);
        }
        last = name;
        is_last_known = is_name_known;
    }
    if (size) {
        uint64_t pair = paired(sieve->key, last, end_of_text);
        if (!is_known(sieve, pair)) {
            if (is_last_known)
                take_out(&take, size, size);
            claim(&take, pair, size - 1, size);
        }
    }
    finish_run(&take);
    if (take.is_full) {
        *sieve = before;
        return NO_ROOM;
    }
    return AS_TEXT;
}

/* --- a version --- */

/*
 * Takes out what is new in what a delta has made; where that is most of it, as of a text. Returns AS_VERSION; or as
 * kw_sieve_text does; or DAMAGED: then nothing was taken.
 */
KW_EXPORT int64_t kw_sieve_version(
    Sieve *sieve, const uint8_t *delta, size_t delta_size, const uint8_t *made, size_t made_size)
{
    Sieve before = *sieve;
    Taking take = taking(sieve, made, made_size);
    Walk walk;
    uint64_t begin, end;
    int found;
    if (begun(&walk, delta, delta_size) || walk.made_size != made_size)
        return DAMAGED;
    while ((found = next_change(&walk, &begin, &end)) == 1)
        take_out(&take, begin, end);
    finish_run(&take);
    if (!found && !take.is_full && take.taken <= made_size / 5 * 3)
        return AS_VERSION;
    *sieve = before;
    return found ? found : kw_sieve_text(sieve, made, made_size);
}

/* --- what was sighted --- */

/* Returns where a place among what was taken out stands in its text. */
static uint64_t placed(const Sieve *sieve, uint64_t place)
{
    uint64_t low = 0, high = sieve->run_count;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (sieve->runs[middle].at <= place)
            low = middle;
        else
            high = middle;
    }
    const Run *run = sieve->runs + low;
    uint64_t within = place - run->at;
    return run->begin + (within < run->size ? within : run->size); /* what ends in a gap ends with its run */
}

/*
 * Remembers the parts in which nothing was sighted, and begins anew.
 *
 * `begins` and `ends` say where in what was taken out something was sighted, in any order; on return, where in its text.
 * Returns 0; or DAMAGED where they lie outside of it: then nothing is remembered.
 */
KW_EXPORT int64_t kw_sieve_learn(Sieve *sieve, uint64_t *begins, uint64_t *ends, size_t count)
{
    int64_t result = 0;
    memset(sieve->sighted, 0, sieve->used);
    for (size_t number = 0; number < count; number++) {
        if (begins[number] >= ends[number] || ends[number] > sieve->used)
            result = DAMAGED;
        else
            memset(sieve->sighted + begins[number], 1, ends[number] - begins[number]);
    }
    if (!result) {
        for (uint64_t number = 0; number < sieve->claim_count; number++) {
            const Claim *claim = sieve->claims + number;
            if (!memchr(sieve->sighted + claim->begin, 1, claim->end - claim->begin))
                remember(sieve, claim->name);
        }
        for (size_t number = 0; number < count; number++) {
            begins[number] = placed(sieve, begins[number]);
            ends[number] = placed(sieve, ends[number]);
        }
    }
    sieve->used = sieve->run_count = sieve->claim_count = 0;
    return result;
}
