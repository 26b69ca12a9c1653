/*
 * Which blobs a history has, and at which path each was seen first: read out of what git writes.
 *
 * What it writes comes from whoever wrote the repository. All memory is the caller's; where it is used up, nothing of
 * what did not fit has been taken.
 */

#include "names.h"

/* Bytes of a mode with the space behind it. */
enum { MODE = 7 };

/* As `_State` in listing.py has it. */
typedef struct {
    Names blobs; /* in the order in which they were first seen */
    uint32_t *path_of; /* the number of each one's path */
    uint8_t *text; /* different paths, one behind the other */
    uint64_t text_room;
    uint64_t *path_ends; /* where each ends */
    uint64_t path_room;
    uint64_t path_count;
    uint32_t *path_slots; /* as those of names */
    uint64_t path_mask;
} Listing;

/* --- paths ------------------------------------------------------------------------------------------------------ */

static uint64_t path_begin(const Listing *l, uint64_t path)
{
    return path ? l->path_ends[path - 1] : 0;
}

static uint32_t *path_slot(const Listing *l, const uint8_t *path, size_t size)
{
    for (uint64_t at = hash(l->blobs.key, path, size);; at++) {
        uint32_t *slot = &l->path_slots[at & l->path_mask];
        if (!*slot)
            return slot;
        uint64_t begin = path_begin(l, *slot - 1);
        if (l->path_ends[*slot - 1] - begin == size && !memcmp(l->text + begin, path, size))
            return slot;
    }
}

/* --- the list --------------------------------------------------------------------------------------------------- */

static int sound(const Listing *l)
{
    return are_sound(&l->blobs) && fits(l->path_room, l->path_mask) && l->path_count <= l->path_room &&
           path_begin(l, l->path_count) <= l->text_room;
}

/* Returns 0, or NO_ROOM: nothing was added then. */
static int add(Listing *l, const uint8_t *name, const uint8_t *path, size_t size)
{
    uint32_t *slot = name_slot(&l->blobs, name);
    if (*slot)
        return 0;
    if (l->blobs.count == l->blobs.room)
        return NO_ROOM;
    /* As `rev-list` prints it: a line cannot hold more of it. */
    const uint8_t *end = memchr(path, '\n', size);
    if (end)
        size = (size_t)(end - path);
    uint32_t *place = path_slot(l, path, size);
    if (!*place) {
        uint64_t begin = path_begin(l, l->path_count);
        if (l->path_count == l->path_room || l->text_room - begin < size)
            return NO_ROOM;
        memcpy(l->text + begin, path, size);
        l->path_ends[l->path_count++] = begin + size;
        *place = (uint32_t)l->path_count;
    }
    l->path_of[l->blobs.count] = *place - 1;
    add_name(&l->blobs, name, slot);
    return 0;
}

/* Fills slots that are empty, after the list was given more of them. Returns 0, or DAMAGED. */
KW_EXPORT int64_t kw_listing_slots(Listing *l)
{
    if (!sound(l))
        return DAMAGED;
    fill_slots(&l->blobs);
    for (uint64_t n = 0; n < l->path_count; n++) {
        uint64_t begin = path_begin(l, n);
        *path_slot(l, l->text + begin, l->path_ends[n] - begin) = (uint32_t)(n + 1);
    }
    return 0;
}

/* --- what git writes -------------------------------------------------------------------------------------------- */

/* Whether a mode is that of a file or a link: a directory has no entry, and what a submodule names is elsewhere. */
static int of_blob(const uint8_t *mode)
{
    return mode[0] == '1' && (mode[1] == '0' || mode[1] == '2');
}

/* A change as `log --raw -z` tells it: `:`, modes, names and status, NUL, path, NUL. */
typedef struct {
    size_t sides; /* one more than there are parents; the last is what came */
    const uint8_t *modes;
    const uint8_t *names;
    const uint8_t *path;
    size_t path_size;
} Change;

/* Takes the field that begins at *at, and its path if it has one. Returns 1 for a change, 0 for none, or DAMAGED. */
static int next_field(const uint8_t *text, size_t size, size_t name_size, size_t *at, Change *change)
{
    const uint8_t *begin = text + *at;
    const uint8_t *end = memchr(begin, 0, size - *at);
    if (!end)
        end = text + size;
    *at = (size_t)(end - text) + (end < text + size);
    if (begin < end && *begin == '\n')
        begin++;
    if (begin == end || *begin != ':')
        return 0;
    size_t parents = 0;
    while (begin < end && *begin == ':') {
        begin++;
        parents++;
    }
    size_t sides = parents + 1, hex = 2 * name_size + 1;
    if ((size_t)(end - begin) / (MODE + hex) < sides)
        return DAMAGED;
    const uint8_t *path = text + *at;
    const uint8_t *path_end = memchr(path, 0, size - *at);
    if (!path_end)
        return DAMAGED;
    *at = (size_t)(path_end - text) + 1;
    *change = (Change){sides, begin, begin + sides * MODE, path, (size_t)(path_end - path)};
    return 1;
}

/*
 * Adds the blobs that a log names, what came before what it took the place of, and moves *at behind what was read.
 * Returns 0, DAMAGED for what is no log, or NO_ROOM: it goes on at *at once there is.
 */
KW_EXPORT int64_t kw_listing_log(Listing *l, const uint8_t *text, size_t size, uint64_t *at)
{
    if (!sound(l) || *at > size)
        return DAMAGED;
    size_t hex = 2 * l->blobs.size + 1;
    for (size_t next = *at; next < size; *at = next) {
        Change change;
        int kind = next_field(text, size, l->blobs.size, &next, &change);
        if (kind < 0)
            return kind;
        for (size_t side = kind ? change.sides : 0; side--;) {
            uint8_t name[LONGEST];
            if (!of_blob(change.modes + side * MODE))
                continue;
            int failed = read_name(change.names + side * hex, l->blobs.size, name);
            if (!failed)
                failed = add(l, name, change.path, change.path_size);
            if (failed)
                return failed;
        }
    }
    return 0;
}

/* The same of lines `name path`, as `rev-list --objects` writes them. */
KW_EXPORT int64_t kw_listing_lines(Listing *l, const uint8_t *text, size_t size, uint64_t *at)
{
    if (!sound(l) || *at > size)
        return DAMAGED;
    size_t hex = 2 * l->blobs.size;
    while (*at < size) {
        const uint8_t *line = text + *at;
        const uint8_t *end = memchr(line, '\n', size - *at);
        uint8_t name[LONGEST];
        if (!end || (size_t)(end - line) < hex || read_name(line, l->blobs.size, name))
            return DAMAGED;
        const uint8_t *path = line + hex;
        if (path < end && *path++ != ' ')
            return DAMAGED;
        int failed = add(l, name, path, (size_t)(end - path));
        if (failed)
            return failed;
        *at = (uint64_t)(end - text) + 1;
    }
    return 0;
}

/* --- who brought it in ------------------------------------------------------------------------------------------ */

/* Returns the number of a name among `count` that ascend, or `count`. */
static size_t number(const uint8_t *names, size_t count, size_t name_size, const uint8_t *name)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(names + middle * name_size, name, name_size);
        if (!order)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return count;
}

/*
 * Looks in a log for what brought in one of some blobs, and moves *at behind what was read.
 *
 * For each three numbers are written to `found`: where the header of its commit begins, where its path does, and the
 * number of its name among `names`, which ascend. *header is where the header that holds at *at begins.
 * Returns how many were found, as many as there is room for, or DAMAGED.
 */
KW_EXPORT int64_t kw_log_brought(const uint8_t *text, size_t size, const uint8_t *names, size_t count, size_t name_size,
                                 uint64_t *at, uint64_t *header, uint64_t *found, size_t room)
{
    if (!name_size || name_size > LONGEST || *at > size)
        return DAMAGED;
    /* Next to none are looked for: two bytes tell so of nearly all. */
    uint8_t begins[1 << 13] = {0};
    for (size_t n = 0; n < count; n++) {
        const uint8_t *name = names + n * name_size;
        begins[name[0] << 5 | name[1] >> 3] |= (uint8_t)(1 << (name[1] & 7));
    }
    size_t seen = 0;
    while (*at < size && seen < room) {
        size_t begin = *at, next = *at;
        Change change;
        int kind = next_field(text, size, name_size, &next, &change);
        if (kind < 0)
            return kind;
        *at = next;
        if (!kind) {
            if (text[begin])
                *header = begin;
            continue;
        }
        uint8_t name[LONGEST];
        if (read_name(change.names + (change.sides - 1) * (2 * name_size + 1), name_size, name))
            return DAMAGED;
        if (!(begins[name[0] << 5 | name[1] >> 3] >> (name[1] & 7) & 1))
            continue;
        size_t which = number(names, count, name_size, name);
        if (which == count)
            continue;
        found[3 * seen] = *header;
        found[3 * seen + 1] = (uint64_t)(change.path - text);
        found[3 * seen + 2] = which;
        seen++;
    }
    return (int64_t)seen;
}
