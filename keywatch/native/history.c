/*
 * What each commit of a history changed, read right from its packs, and written down as git would:
 * `git rev-list --all | git diff-tree --stdin --root -r -c --raw -z --no-renames --format=%x01%H%x01`.
 *
 * Git unpacks each tree some times over to tell that. Here those that were unpacked last stay where they are, in an
 * arena that is emptied between two commits once it is full. Nothing is allocated, and whatever is not as git makes it
 * is told as DAMAGED: git is asked then.
 */

#include "delta.h"
#include "names.h"
#include "pack.h"

/* What else can be in the way: an object that is in no pack, and no room to unpack in. */
enum { MISSING = -3, CROWDED = -4 };

/* What a tip leads to, if that is no commit: others find out. */
enum { ELSEWHERE = 1 };

/* Parents of a merge, directories in each other, deltas and tags on each other, beyond which git is asked. */
enum { PARENTS = 63, DEEP = 500, CHAIN = 4096, TAGS = 50 };

/* Bytes of a tree or a commit that is still unpacked. */
#define LARGEST ((uint64_t)16 << 20)

/* Where an object stands: the number of the pack, and the offset in it. */
#define OFFSET_BITS 48
#define OFFSET ((UINT64_C(1) << OFFSET_BITS) - 1)

typedef struct {
    Index index;
    const uint8_t *bytes;
    uint64_t size;
} Pack;

/* What is in no pack. */
typedef struct {
    const uint8_t *bytes;
    uint64_t size;
    uint64_t kind;
} Body;

/* An object that was unpacked, if that was in this round. */
typedef struct {
    uint64_t place;
    uint64_t round;
    uint64_t at; /* in the arena */
    uint64_t size;
    uint64_t kind;
} Kept;

/* Where an object was found; `place` is one more. */
typedef struct {
    uint8_t name[LONGEST];
    uint64_t place;
} Found;

/* As `_Reader` in history.py has it, whose memory all of this is. */
typedef struct {
    uint64_t name_size;
    Pack *packs;
    uint64_t pack_count;
    Inflate inflate;
    void *inflater;
    Names loose;
    const Body *bodies; /* of those, in the same order */
    uint8_t *arena;
    uint64_t room;
    uint64_t used;
    uint64_t enough; /* bytes of the arena from which on it is emptied */
    Kept *kept; /* a power of two of them, and of those below */
    uint64_t kept_mask;
    uint64_t round;
    Found *found;
    uint64_t found_mask;
    uint64_t work; /* bytes that were made or gone over */
    uint64_t most; /* after so many it is given up: twelve trees can spell ten thousand million paths */
    uint8_t missing[LONGEST];
} Reader;

typedef struct {
    uint8_t tree[LONGEST];
    uint64_t date; /* seconds, as the committer has them */
    uint64_t turn; /* which one it was to be met */
    uint32_t parents; /* where its parents begin */
    uint32_t count; /* of them */
    uint64_t is_met;
} Commit;

/* As `_Commits` in history.py has it. */
typedef struct {
    Names names;
    Commit *commits; /* in the order of names */
    uint32_t *parents; /* numbers of names */
    uint64_t parent_room;
    uint64_t parent_count;
    uint32_t *heap; /* of those that were met, the latest on top */
    uint64_t waiting;
    uint64_t turn;
    uint32_t *order; /* the history, newest first */
    uint64_t count; /* of those in order; the last one's parents are met next */
    uint64_t is_open; /* whether they still are to be met */
} Commits;

/* --- objects ---------------------------------------------------------------------------------------------------- */

static Kept *kept_at(const Reader *r, uint64_t place)
{
    return &r->kept[mixed(place, UINT64_C(0x9e3779b97f4a7c15)) & r->kept_mask];
}

static int makes(Reader *r, uint64_t bytes)
{
    r->work += bytes;
    return r->work <= r->most;
}

/*
 * Reads the object at a place into the arena, and what it is made of where that is not there. Returns 0, DAMAGED, or
 * CROWDED. A whole commit is of no use to others: it stands there until the next one is read. A blob is not read at all.
 */
static int read_object(Reader *r, uint64_t place, Body *body)
{
    const Pack *pack = r->packs + (place >> OFFSET_BITS);
    uint64_t number = place & ~OFFSET, chain[CHAIN];
    size_t depth = 0;
    Head head;
    for (;;) {
        Kept *kept = kept_at(r, place);
        if (kept->round == r->round && kept->place == place) {
            *body = (Body){r->arena + kept->at, kept->size, kept->kind};
            break;
        }
        if (read_head(&pack->index, pack->bytes, pack->size, place & OFFSET, &head) || head.size > LARGEST)
            return DAMAGED;
        if (head.base != NOWHERE) {
            if (depth == CHAIN)
                return DAMAGED;
            chain[depth++] = place;
            place = number | head.base;
            continue;
        }
        if (head.kind == BLOB) {
            *body = (Body){.kind = BLOB};
            return 0;
        }
        if (head.kind < COMMIT || head.kind > TAG || !makes(r, head.size))
            return DAMAGED;
        if (r->room - r->used < head.size)
            return CROWDED;
        uint8_t *made = r->arena + r->used;
        if (inflated(r->inflate, r->inflater, pack->bytes, pack->size, head.start, made, head.size))
            return DAMAGED;
        *body = (Body){made, head.size, head.kind};
        if (depth || head.kind == TREE) {
            *kept = (Kept){place, r->round, r->used, head.size, head.kind};
            r->used += head.size;
        }
        break;
    }
    while (depth--) {
        place = chain[depth];
        if (read_head(&pack->index, pack->bytes, pack->size, place & OFFSET, &head))
            return DAMAGED;
        if (r->room - r->used < head.size)
            return CROWDED;
        uint8_t *delta = r->arena + r->room - head.size, *made = r->arena + r->used;
        Walk walk;
        if (inflated(r->inflate, r->inflater, pack->bytes, pack->size, head.start, delta, head.size) ||
            begun(&walk, delta, head.size) || walk.base_size != body->size || walk.made_size > LARGEST ||
            !makes(r, walk.made_size))
            return DAMAGED;
        if (r->room - r->used - head.size < walk.made_size)
            return CROWDED;
        if (applied(&walk, body->bytes, made))
            return DAMAGED;
        *kept_at(r, place) = (Kept){place, r->round, r->used, walk.made_size, body->kind};
        r->used += walk.made_size;
        *body = (Body){made, walk.made_size, body->kind};
    }
    return 0;
}

/* Reads an object of any kind by its name. Returns 0, DAMAGED, CROWDED, or MISSING: then it says which one is. */
static int look_at(Reader *r, const uint8_t *name, Body *body)
{
    uint64_t start;
    memcpy(&start, name, sizeof start);
    Found *found = &r->found[start & r->found_mask];
    if (!found->place || memcmp(found->name, name, r->name_size)) {
        uint64_t offset = NOWHERE, number = 0;
        for (; number < r->pack_count; number++) {
            if (find(&r->packs[number].index, name, &offset) || (offset != NOWHERE && offset > OFFSET - 1))
                return DAMAGED;
            if (offset != NOWHERE)
                break;
        }
        if (offset == NOWHERE) {
            uint32_t loose = *name_slot(&r->loose, name);
            if (!loose) {
                memcpy(r->missing, name, r->name_size);
                return MISSING;
            }
            *body = r->bodies[loose - 1];
            return makes(r, 1) ? 0 : DAMAGED;
        }
        memcpy(found->name, name, r->name_size);
        found->place = (number << OFFSET_BITS | offset) + 1;
    }
    return read_object(r, found->place - 1, body);
}

/* The same of one that must be of a certain kind. */
static int look_up(Reader *r, const uint8_t *name, uint64_t kind, Body *body)
{
    int failed = look_at(r, name, body);
    return !failed && body->kind != kind ? DAMAGED : failed;
}

/* Empties the arena. */
static void empty(Reader *r)
{
    r->used = 0;
    r->round++;
}

/* Opens the indexes of the packs. Returns 0, or DAMAGED. */
KW_EXPORT int64_t kw_history_open(Reader *r)
{
    if (r->name_size < 20 || r->name_size > LONGEST || r->pack_count >= 1 << 15 || !are_sound(&r->loose))
        return DAMAGED;
    for (uint64_t n = 0; n < r->pack_count; n++)
        if (open_index(&r->packs[n].index))
            return DAMAGED;
    r->round = 1;
    return 0;
}

/* Gives a name that is in no pack its number: the body at that place is its. Returns 0; or NO_ROOM: it has one. */
KW_EXPORT int64_t kw_history_add(Names *loose, const uint8_t *name)
{
    uint32_t *slot = name_slot(loose, name);
    if (*slot || loose->count == loose->room)
        return NO_ROOM;
    add_name(loose, name, slot);
    return 0;
}

/* --- commits ---------------------------------------------------------------------------------------------------- */

static const uint8_t *skipped(const uint8_t *at, const uint8_t *end, char until)
{
    const uint8_t *found = memchr(at, until, (size_t)(end - at));
    return found ? found + 1 : end;
}

static int starts(const uint8_t *at, const uint8_t *end, const char *word)
{
    size_t size = strlen(word);
    return (size_t)(end - at) >= size && !memcmp(at, word, size);
}

/* What a commit's date is, from behind its parents on; 0 where it has none. */
static uint64_t dated(const uint8_t *at, const uint8_t *end)
{
    uint64_t date = 0;
    if (!starts(at, end, "author"))
        return 0;
    at = skipped(at, end, '\n');
    if (!starts(at, end, "committer"))
        return 0;
    at = skipped(at, skipped(at, end, '\n'), '>');
    while (at < end && *at == ' ')
        at++;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        if (date > UINT64_MAX / 10 - 1)
            return UINT64_MAX;
        date = 10 * date + (uint64_t)(*at - '0');
    }
    return date;
}

/* Reads a line `word name`, and moves *at behind it. Returns whether it is one. */
static int named(const uint8_t **at, const uint8_t *end, const char *word, size_t size, uint8_t *name)
{
    size_t length = strlen(word);
    if (!starts(*at, end, word) || (size_t)(end - *at) < length + 2 * size + 1 || (*at)[length + 2 * size] != '\n')
        return 0;
    if (read_name(*at + length, size, name))
        return 0;
    *at += length + 2 * size + 1;
    return 1;
}

static int is_before(const Commits *c, uint32_t one, uint32_t other)
{
    const Commit *first = c->commits + one, *second = c->commits + other;
    return first->date != second->date ? first->date > second->date : first->turn < second->turn;
}

static void push(Commits *c, uint32_t number)
{
    uint64_t at = c->waiting++;
    for (; at && is_before(c, number, c->heap[(at - 1) / 2]); at = (at - 1) / 2)
        c->heap[at] = c->heap[(at - 1) / 2];
    c->heap[at] = number;
}

static uint32_t pop(Commits *c)
{
    uint32_t top = c->heap[0], last = c->heap[--c->waiting];
    uint64_t at = 0;
    for (uint64_t below = 1; below < c->waiting; below = 2 * at + 1) {
        below += below + 1 < c->waiting && is_before(c, c->heap[below + 1], c->heap[below]);
        if (!is_before(c, c->heap[below], last))
            break;
        c->heap[at] = c->heap[below];
        at = below;
    }
    c->heap[at] = last;
    return top;
}

/* Returns the number of a commit, or NO_ROOM. */
static int64_t numbered(Commits *c, const uint8_t *name)
{
    uint32_t *slot = name_slot(&c->names, name);
    if (!*slot) {
        if (c->names.count == c->names.room)
            return NO_ROOM;
        add_name(&c->names, name, slot);
    }
    return *slot - 1;
}

/* Reads a commit that was not met before. Returns 0; where that fails nothing has changed. */
static int meet(Reader *r, Commits *c, uint32_t number)
{
    Commit *commit = c->commits + number;
    Body body;
    if (commit->is_met)
        return 0;
    int failed = look_up(r, name_at(&c->names, number), COMMIT, &body);
    if (failed)
        return failed;
    const uint8_t *at = body.bytes, *end = at + body.size;
    uint8_t parent[LONGEST];
    uint64_t first = c->parent_count;
    if (!named(&at, end, "tree ", r->name_size, commit->tree))
        return DAMAGED;
    while (named(&at, end, "parent ", r->name_size, parent)) {
        int64_t known = numbered(c, parent);
        if (known < 0 || c->parent_count == c->parent_room || c->parent_count - first == PARENTS) {
            c->parent_count = first;
            return DAMAGED; /* there is room for more than there are objects */
        }
        c->parents[c->parent_count++] = (uint32_t)known;
    }
    commit->parents = (uint32_t)first;
    commit->count = (uint32_t)(c->parent_count - first);
    commit->date = dated(at, end);
    commit->turn = c->turn++;
    commit->is_met = 1;
    push(c, number);
    return 0;
}

/* Returns whether a list of commits is as it should be. */
static int are_in_order(const Reader *r, const Commits *c)
{
    return are_sound(&c->names) && c->names.size == r->name_size && c->parent_room < UINT32_MAX;
}

/*
 * Lets a history begin with what a ref names: a commit, or a tag of one. Returns 0; ELSEWHERE: it leads to no commit;
 * DAMAGED, CROWDED or MISSING.
 */
KW_EXPORT int64_t kw_history_begin(Reader *r, Commits *c, const uint8_t *tip)
{
    uint8_t name[LONGEST];
    Body body;
    if (!are_in_order(r, c))
        return DAMAGED;
    memcpy(name, tip, r->name_size);
    for (int tags = 0; tags < TAGS; tags++) {
        if (r->used > r->enough)
            empty(r);
        int failed = look_at(r, name, &body);
        if (failed)
            return failed;
        if (body.kind == COMMIT) {
            int64_t number = numbered(c, name);
            return number < 0 ? DAMAGED : meet(r, c, (uint32_t)number);
        }
        if (body.kind != TAG)
            return ELSEWHERE;
        const uint8_t *at = body.bytes;
        if (!named(&at, at + body.size, "object ", r->name_size, name))
            return DAMAGED;
    }
    return DAMAGED;
}

/*
 * Puts commits in the order in which `rev-list` has them, up to so many in all: of those that were met, the one with the
 * latest date comes next, and its parents are met. Returns 0 once that is done, or there are no more; DAMAGED, CROWDED;
 * or MISSING: it goes on once that is there. What is in order does not change any more, and can be read meanwhile.
 */
KW_EXPORT int64_t kw_history_order(Reader *r, Commits *c, uint64_t most)
{
    if (!are_in_order(r, c))
        return DAMAGED;
    for (;;) {
        if (c->is_open) {
            const Commit *last = c->commits + c->order[c->count - 1];
            for (uint32_t n = 0; n < last->count; n++) {
                if (r->used > r->enough)
                    empty(r);
                int failed = meet(r, c, c->parents[last->parents + n]);
                if (failed)
                    return failed;
            }
            c->is_open = 0;
        }
        if (!c->waiting || c->count >= most)
            return 0;
        c->order[c->count++] = pop(c);
        c->is_open = 1;
    }
}

/* --- changes ---------------------------------------------------------------------------------------------------- */

/* A tree, and the entry of it that is looked at. Without an id: there is none any more. */
typedef struct {
    const uint8_t *next;
    const uint8_t *end;
    const uint8_t *entry;
    const uint8_t *name;
    const uint8_t *id;
    uint64_t size; /* of the name */
    uint32_t mode;
} Cursor;

/* As `_Log` in history.py has it. */
typedef struct {
    uint8_t *text;
    uint64_t room;
    uint64_t used;
    uint8_t *path;
    uint64_t path_room;
    Cursor *cursors;
    uint64_t cursor_room;
    int64_t why; /* it went no further */
} Log;

static int is_directory(const Cursor *cursor)
{
    return (cursor->mode & 0170000) == 0040000;
}

/* As git has it: of a file only whether it can be run is of interest. */
static uint32_t canonical(uint32_t mode)
{
    switch (mode & 0170000) {
    case 0100000:
        return mode & 0100 ? 0100755 : 0100644;
    case 0120000:
        return 0120000;
    case 0040000:
        return 0040000;
    default:
        return 0160000;
    }
}

/* Goes on to the next entry. Returns 0, or DAMAGED. */
static int step(Cursor *cursor, size_t name_size)
{
    const uint8_t *at = cursor->next;
    uint32_t mode = 0;
    cursor->entry = at;
    cursor->id = NULL;
    if (at == cursor->end)
        return 0;
    for (; at < cursor->end && *at >= '0' && *at <= '7'; at++)
        mode = mode << 3 | (*at & 7u);
    if (at == cursor->end || at == cursor->next || *at++ != ' ')
        return DAMAGED;
    const uint8_t *name_end = memchr(at, 0, (size_t)(cursor->end - at));
    if (!name_end || name_end == at || (size_t)(cursor->end - name_end) <= name_size)
        return DAMAGED;
    cursor->mode = canonical(mode);
    cursor->name = at;
    cursor->size = (uint64_t)(name_end - at);
    cursor->id = name_end + 1;
    cursor->next = cursor->id + name_size;
    return 0;
}

/* Which entry comes first: directories are sorted as though their names ended in a slash. */
static int ordered(const Cursor *one, const Cursor *other)
{
    uint64_t least = one->size < other->size ? one->size : other->size;
    int order = memcmp(one->name, other->name, least);
    if (order)
        return order;
    int first = one->size > least ? one->name[least] : is_directory(one) ? '/' : 0;
    int second = other->size > least ? other->name[least] : is_directory(other) ? '/' : 0;
    /* A file and a directory, or names of which one goes on where the other ends. */
    return first != second ? first - second : (one->size > other->size) - (one->size < other->size);
}

static int are_same(const Cursor *one, const Cursor *other, size_t name_size)
{
    return one->mode == other->mode && !memcmp(one->id, other->id, name_size);
}

/* Goes over all that two trees have alike from here on, without a closer look. Returns 0, or DAMAGED. */
static int pass_over(Cursor *one, Cursor *other, size_t name_size)
{
    while (one->id && other->id) {
        uint64_t size = (uint64_t)(one->next - one->entry);
        if ((uint64_t)(other->end - other->entry) < size || memcmp(one->entry, other->entry, size))
            return 0;
        /* What is alike is an entry in both. */
        other->next = other->entry + size;
        if (step(one, name_size) || step(other, name_size))
            return DAMAGED;
    }
    return 0;
}

static void put(Log *log, const void *bytes, size_t size)
{
    memcpy(log->text + log->used, bytes, size);
    log->used += size;
}

static void put_byte(Log *log, uint8_t byte)
{
    log->text[log->used++] = byte;
}

static void put_mode(Log *log, uint32_t mode)
{
    for (int shift = 15; shift >= 0; shift -= 3)
        put_byte(log, (uint8_t)('0' + (mode >> shift & 7)));
    put_byte(log, ' ');
}

static void put_name(Log *log, const uint8_t *name, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t n = 0; n < size; n++) {
        put_byte(log, (uint8_t)digits[name[n] >> 4]);
        put_byte(log, (uint8_t)digits[name[n] & 15]);
    }
}

/* What became of an entry, as git has it: it was added, is gone, is of another kind, or has changed. */
static uint8_t status(const Cursor *old, const Cursor *new, int is_merge)
{
    if (!old)
        return 'A';
    if (!new)
        return 'D';
    return !is_merge && (old->mode ^ new->mode) & 0170000 ? 'T' : 'M';
}

/* Writes down a change. Of each side that has no such entry `here` has no bit. Returns 0, or NO_ROOM. */
static int write_change(Log *log, const Cursor *sides, size_t count, uint64_t here, size_t name_size, uint64_t path_size)
{
    static const uint8_t nothing[LONGEST] = {0};
    const Cursor *new = here >> (count - 1) & 1 ? sides + count - 1 : NULL;
    if (log->room - log->used < count * (2 * name_size + 12) + path_size + 2)
        return NO_ROOM;
    for (size_t side = 0; side + 1 < count; side++)
        put_byte(log, ':');
    for (size_t side = 0; side < count; side++)
        put_mode(log, here >> side & 1 ? sides[side].mode : 0);
    for (size_t side = 0; side < count; side++) {
        put_name(log, here >> side & 1 ? sides[side].id : nothing, name_size);
        put_byte(log, ' ');
    }
    for (size_t side = 0; side + 1 < count; side++)
        put_byte(log, status(here >> side & 1 ? sides + side : NULL, new, count > 2));
    put_byte(log, 0);
    put(log, log->path, path_size);
    put_byte(log, 0);
    return 0;
}

/* Lets a cursor begin with a tree. Returns 0, DAMAGED, CROWDED or MISSING. */
static int enter(Reader *r, Cursor *cursor, const uint8_t *name)
{
    Body body;
    int failed = look_up(r, name, TREE, &body);
    if (failed)
        return failed;
    *cursor = (Cursor){.next = body.bytes, .end = body.bytes + body.size};
    return makes(r, body.size) ? step(cursor, r->name_size) : DAMAGED;
}

/*
 * Writes down what the last of some trees has that none of the others has, and what it lacks that all of them have.
 * They are at the end of `cursors`, and those below are used. Returns 0, NO_ROOM, DAMAGED, CROWDED or MISSING.
 */
static int compare(Reader *r, Log *log, size_t count, uint64_t depth, uint64_t path_size)
{
    Cursor *sides = log->cursors + depth * count, *new = sides + count - 1;
    const uint64_t newest = UINT64_C(1) << (count - 1);
    for (;;) {
        const Cursor *least = NULL;
        uint64_t here = 0;
        int is_new = 1;
        if (count == 2 && pass_over(sides, new, r->name_size))
            return DAMAGED;
        for (size_t side = 0; side < count; side++) {
            if (!sides[side].id)
                continue;
            int order = least ? ordered(sides + side, least) : -1;
            if (order < 0) {
                least = sides + side;
                here = 0;
            }
            if (order <= 0)
                here |= UINT64_C(1) << side;
        }
        if (!least)
            return 0;
        if (here & newest) {
            for (size_t side = 0; side + 1 < count; side++)
                is_new &= !(here >> side & 1) || !are_same(sides + side, new, r->name_size);
        } else {
            is_new = here == newest - 1;
        }
        if (is_new) {
            uint64_t size = path_size + least->size;
            int failed = 0;
            if (size >= log->path_room)
                return DAMAGED;
            memcpy(log->path + path_size, least->name, least->size);
            if (is_directory(least)) {
                if (depth == DEEP || (depth + 2) * count > log->cursor_room)
                    return DAMAGED;
                log->path[size++] = '/';
                for (size_t side = 0; side < count && !failed; side++) {
                    sides[count + side] = (Cursor){0};
                    if (here >> side & 1)
                        failed = enter(r, sides + count + side, sides[side].id);
                }
                if (!failed)
                    failed = compare(r, log, count, depth + 1, size);
            } else {
                failed = write_change(log, sides, count, here, r->name_size, size);
            }
            if (failed)
                return failed;
        }
        for (size_t side = 0; side < count; side++)
            if (here >> side & 1 && step(sides + side, r->name_size))
                return DAMAGED;
    }
}

/* Writes down what a commit changed, or all that it has. */
static int write_commit(Reader *r, const Commits *c, Log *log, uint32_t number, int is_whole)
{
    const Commit *commit = c->commits + number;
    size_t parents = is_whole ? 0 : commit->count, count = parents ? parents + 1 : 2;
    if (log->cursor_room < count)
        return DAMAGED;
    log->cursors[0] = (Cursor){0};
    for (size_t side = 0; side < parents; side++) {
        int failed = enter(r, log->cursors + side, c->commits[c->parents[commit->parents + side]].tree);
        if (failed)
            return failed;
    }
    int failed = enter(r, log->cursors + count - 1, commit->tree);
    if (failed)
        return failed;
    uint64_t begin = log->used;
    if (log->room - begin < 2 * r->name_size + 3)
        return NO_ROOM;
    put_byte(log, 1);
    put_name(log, name_at(&c->names, number), r->name_size);
    put_byte(log, 1);
    put_byte(log, 0);
    uint64_t headed = log->used;
    failed = compare(r, log, count, 0, 0);
    if (log->used == headed)
        log->used = begin;
    return failed;
}

/*
 * Writes down what so many commits changed, from a place in their order on. Returns how many are done, and says why no
 * more: 0, DAMAGED, CROWDED, NO_ROOM for text, or MISSING.
 */
KW_EXPORT int64_t kw_history_log(Reader *r, const Commits *c, Log *log, uint64_t first, uint64_t count, int is_whole)
{
    uint64_t done = 0;
    log->why = DAMAGED;
    if (!are_in_order(r, c) || first > c->count || count > c->count - first)
        return 0;
    log->why = 0;
    while (done < count) {
        if (r->used > r->enough)
            empty(r);
        uint64_t begin = log->used;
        int failed = write_commit(r, c, log, c->order[first + done], is_whole);
        if (failed == CROWDED && r->used) {
            log->used = begin;
            empty(r);
            failed = write_commit(r, c, log, c->order[first + done], is_whole);
        }
        if (failed) {
            log->used = begin;
            log->why = failed;
            break;
        }
        done++;
    }
    return (int64_t)done;
}
