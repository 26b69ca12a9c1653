/*
 * Blobs of a pack, read family by family, each version right after the one it is made of, and put through a sieve.
 *
 * https://git-scm.com/docs/gitformat-pack. Whatever is not as it says is told as DAMAGED, and what would take too much
 * memory as LEFT: others read these. Nothing is allocated: what is read stands in an arena, as long as it is needed.
 */

#include "pack.h"
#include "sieve.h"

/* How a blob was taken, beside AS_TEXT and AS_VERSION. */
enum { ODD = 2, LEFT = 3, BROKEN = 4 };

/* Bytes at a text's beginning that tell its encoding; `collect/content/text.py` has the same. */
enum { SAMPLE = 8192 };

/* How what needs to be unpacked or decoded first may begin. */
typedef struct {
    uint8_t size;
    uint8_t bytes[31];
} Sign;

/* A version that others are made of, while they are read. */
typedef struct {
    uint64_t place;
    uint64_t at; /* in the arena */
    uint64_t size;
    int64_t next; /* the one of these that is read next; below 0: none */
    int64_t taken;
} Frame;

/* A blob that was read. All numbers are of 64 bits, for Python's sake. */
typedef struct {
    uint64_t place;
    uint64_t taken;
    uint64_t text; /* where what was taken out of it begins */
    uint64_t at;   /* in the arena */
    uint64_t size;
    uint64_t delta; /* in the arena */
    uint64_t delta_size;
    uint64_t base; /* in the arena, of what it is made of */
    uint64_t base_size;
} Record;

/* As `_State` in lots.py has it, whose memory all of this is. */
typedef struct {
    const uint8_t *pack;
    uint64_t pack_size;
    uint64_t name_size;
    Inflate inflate;
    void *inflater;
    Sieve *sieve;
    const uint64_t *offsets;
    const int64_t *parents; /* below 0: it is made of none of these */
    const int64_t *first;   /* the first of those made of it, and from each on the next */
    const int64_t *next;
    uint64_t count;
    uint64_t root; /* the next one, from which on there may be another family */
    uint64_t largest;
    uint64_t lonely; /* a larger blob that nothing is made of is left: its beginning may tell that it is not legible */
    uint64_t longest; /* what is longer is no text for a sieve */
    uint64_t full;    /* as much was taken out as is looked at together */
    const Sign *signs;
    uint64_t sign_count;
    uint8_t *arena;
    uint64_t room;
    uint64_t used;
    uint64_t enough; /* bytes read together */
    Frame *frames;
    uint64_t frame_room;
    uint64_t depth;
    Record *records;
    uint64_t record_room;
    uint64_t record_count;
} Lot;

/* Whether a text must be unpacked or decoded before it is looked at: as `is_plain` in collect/content/text.py. */
static int is_odd(const Lot *lot, const uint8_t *data, uint64_t size)
{
    for (const Sign *sign = lot->signs; sign < lot->signs + lot->sign_count; sign++)
        if (size >= sign->size && data[0] == sign->bytes[0] && !memcmp(data, sign->bytes, sign->size))
            return 1;
    if (size >= 262 && !memcmp(data + 257, "ustar", 5))
        return 1;
    if (size >= 22 && !memcmp(data + size - 22, "PK\5\6", 4))
        return 1;
    static const uint8_t marks[4][4] = {{0xff, 0xfe}, {0xfe, 0xff}, {0, 0, 0xfe, 0xff}};
    if (size >= 2 && (!memcmp(data, marks[0], 2) || !memcmp(data, marks[1], 2)))
        return 1;
    if (size >= 4 && !memcmp(data, marks[2], 4))
        return 1;
    uint64_t sample = size < SAMPLE ? size : SAMPLE, pairs = sample / 2, even = 0, odd = 0;
    if (!memchr(data, 0, sample))
        return 0;
    for (uint64_t pair = 0; pair < pairs; pair++) {
        even += !data[2 * pair];
        odd += !data[2 * pair + 1];
    }
    /* Nearly all of one half are NULs, and hardly any of the other. */
    uint64_t more = even > odd ? even : odd, less = even > odd ? odd : even;
    return pairs >= 8 && less <= pairs / 10 && 10 * more > 8 * pairs;
}

/* Moves what others are made of to the front; all else was looked at. */
static void tidy(Lot *lot)
{
    uint64_t used = 0;
    for (uint64_t level = 0; level < lot->depth; level++) {
        Frame *frame = lot->frames + level;
        memmove(lot->arena + used, lot->arena + frame->at, frame->size);
        frame->at = used;
        used += frame->size;
    }
    lot->used = used;
}

/*
 * Reads one blob behind what is used of the arena. Returns 0, and the record says what came of it; or NO_ROOM: then
 * nothing has changed.
 */
static int read_blob(Lot *lot, const Frame *base, uint64_t place, Record *record)
{
    const Index nothing = {.name_size = lot->name_size};
    uint64_t made_size, at = lot->used;
    Head head;
    int failed = read_head(&nothing, lot->pack, lot->pack_size, lot->offsets[place], &head);
    *record = (Record){.place = place, .taken = BROKEN, .text = lot->sieve->used};
    if (base) {
        record->base = base->at;
        record->base_size = base->size;
    }
    if (failed || (base ? head.kind != OFFSET_DELTA && head.kind != NAME_DELTA : head.kind != BLOB))
        return 0;
    uint64_t size = head.size;
    record->taken = LEFT;
    if (size > lot->largest || (lot->first[place] < 0 ? !base && size > lot->lonely : lot->depth == lot->frame_room))
        return 0;
    if (lot->room - at < size)
        return NO_ROOM;
    record->at = at;
    record->size = made_size = size;
    if (inflated(lot->inflate, lot->inflater, lot->pack, lot->pack_size, head.start, lot->arena + at, size)) {
        record->taken = BROKEN;
        return 0;
    }
    at += size;
    const uint8_t *delta = lot->arena + record->at;
    if (base) {
        Walk walk;
        record->taken = BROKEN;
        if (begun(&walk, delta, size) || walk.base_size != base->size)
            return 0;
        made_size = walk.made_size;
        if (made_size > lot->largest) {
            record->taken = LEFT;
            return 0;
        }
        if (lot->room - at < made_size)
            return NO_ROOM;
        if (applied(&walk, lot->arena + base->at, lot->arena + at))
            return 0;
        record->delta = record->at;
        record->delta_size = size;
        record->at = at;
        record->size = made_size;
        at += made_size;
    }
    const uint8_t *data = lot->arena + record->at;
    int64_t taken = ODD;
    record->taken = BROKEN;
    if (made_size <= lot->longest && !is_odd(lot, data, made_size)) {
        int is_followed = base && base->taken != ODD;
        taken = is_followed ? kw_sieve_version(lot->sieve, delta, size, data, made_size)
                            : kw_sieve_text(lot->sieve, data, made_size);
        if (taken == NO_ROOM)
            return NO_ROOM;
        if (taken < 0)
            return 0;
    }
    record->taken = (uint64_t)taken;
    lot->used = at;
    return 0;
}

/* Returns the place of the next root, or `count`. */
static uint64_t next_root(Lot *lot)
{
    while (lot->root < lot->count && lot->parents[lot->root] >= 0)
        lot->root++;
    return lot->root;
}

/*
 * Reads on, as much as is looked at together. Returns how many blobs it has read; 0: there are none left.
 *
 * What was read before is gone with the call. One that is LEFT, or BROKEN, is read with none that are made of it.
 */
KW_EXPORT int64_t kw_lot_read(Lot *lot)
{
    tidy(lot);
    lot->record_count = 0;
    while (lot->record_count < lot->record_room) {
        /* What others are made of may be enough by itself. */
        if (lot->record_count && (lot->used >= lot->enough || lot->sieve->used >= lot->full))
            break;
        Frame *base = lot->depth ? lot->frames + lot->depth - 1 : NULL;
        if (base && base->next < 0) {
            lot->depth--;
            continue;
        }
        uint64_t place = base ? (uint64_t)base->next : next_root(lot);
        if (place >= lot->count)
            break;
        Record *record = lot->records + lot->record_count;
        if (read_blob(lot, base, place, record) == NO_ROOM) {
            if (lot->record_count)
                break; /* there will be, once what was read is looked at */
            record->taken = LEFT;
        }
        int is_read = record->taken <= ODD;
        if (base)
            base->next = lot->next[place];
        else
            lot->root++;
        lot->record_count++;
        if (is_read && lot->first[place] >= 0) {
            lot->frames[lot->depth++] = (Frame){
                .place = place,
                .at = record->at,
                .size = record->size,
                .next = lot->first[place],
                .taken = (int64_t)record->taken,
            };
        } else if (!is_read) {
            break; /* whoever reads it needs what it is made of, which stays where it is until the next call */
        }
    }
    return (int64_t)lot->record_count;
}
