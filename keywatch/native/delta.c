/* Deltas of git's packs: what they make of what they are made for, and what changes by that. */

#include "delta.h"

/* Returns how many bytes a delta makes of a base of so many, or DAMAGED. */
KW_EXPORT int64_t kw_delta_size(const uint8_t *delta, size_t size, size_t base_size)
{
    Walk walk;
    return begun(&walk, delta, size) || walk.base_size != base_size ? DAMAGED : (int64_t)walk.made_size;
}

/* Writes down what a delta makes of its base. Returns 0, or DAMAGED. `made_size` is what kw_delta_size told. */
KW_EXPORT int64_t kw_delta_apply(
    const uint8_t *delta, size_t size, const uint8_t *base, size_t base_size, uint8_t *made, size_t made_size)
{
    Walk walk;
    if (begun(&walk, delta, size) || walk.base_size != base_size || walk.made_size != made_size)
        return DAMAGED;
    return applied(&walk, base, made);
}

/* Tells all stretches that are new, in twos: where each begins, and where it ends. Returns how many, NO_ROOM or DAMAGED. */
KW_EXPORT int64_t kw_delta_changes(const uint8_t *delta, size_t size, uint64_t *stretches, size_t room)
{
    Walk walk;
    size_t count = 0;
    uint64_t begin, end;
    int found;
    if (begun(&walk, delta, size))
        return DAMAGED;
    while ((found = next_change(&walk, &begin, &end)) == 1) {
        if (count == room)
            return NO_ROOM;
        stretches[2 * count] = begin;
        stretches[2 * count + 1] = end;
        count++;
    }
    return found ? found : (int64_t)count;
}

/* Whether one of some stretches, which ascend, touches what lies from `first` up to `last`. */
static int touches(const uint64_t *stretches, uint64_t count, uint64_t first, uint64_t last)
{
    uint64_t low = 0, high = count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (stretches[2 * middle] <= last)
            low = middle + 1;
        else
            high = middle;
    }
    return low && stretches[2 * (low - 1) + 1] >= first;
}

/*
 * Tells which of some marks in the base are still there as a whole, where they stand now.
 *
 * A mark is four numbers: begin, end, what it says, and how far away something new concerns it. They ascend, and so do
 * those that are told. `stretches` are what is new, as kw_delta_changes tells it; `concerned` is set if that concerns one.
 * Returns how many there are; of more than there is room for, so many; or DAMAGED.
 */
KW_EXPORT int64_t kw_delta_moved(
    const uint8_t *delta, size_t size, const uint64_t *marks, size_t count, const uint64_t *stretches, size_t changes,
    uint64_t *moved, size_t room, int32_t *concerned)
{
    Walk walk;
    Step step;
    size_t told = 0;
    int found;
    *concerned = 0;
    if (begun(&walk, delta, size))
        return DAMAGED;
    /* What was copied in one piece, however many instructions that took. */
    uint64_t start = 0, stop = 0, at = 0;
    do {
        uint64_t from = walk.at;
        found = next_step(&walk, &step);
        if (found < 0)
            return DAMAGED;
        if (found && !step.is_new && step.start == stop && at + (stop - start) == from) {
            stop += step.count;
            continue;
        }
        size_t low = 0, high = count;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (marks[4 * middle] < start)
                low = middle + 1;
            else
                high = middle;
        }
        for (; low < count && marks[4 * low] < stop; low++) {
            const uint64_t *mark = marks + 4 * low;
            if (mark[1] < mark[0] || mark[1] > stop)
                continue;
            if (told == room)
                return (int64_t)told;
            uint64_t begin = mark[0] - start + at, end = mark[1] - start + at, reach = mark[3];
            uint64_t *now = moved + 4 * told++;
            now[0] = begin;
            now[1] = end;
            now[2] = mark[2];
            now[3] = reach;
            if (!*concerned)
                *concerned = touches(stretches, changes, begin < reach ? 0 : begin - reach, end + reach);
        }
        start = stop = 0;
        at = walk.at;
        if (found && !step.is_new) {
            start = step.start;
            stop = step.start + step.count;
            at = from;
        }
    } while (found);
    return (int64_t)told;
}
