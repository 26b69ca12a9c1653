"""The matching engine: one pass of Hyperscan over a chunk, each hit confirmed by the exact pattern."""

import threading
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import TypeAlias

from keywatch.detect.allow import MARKERS, excused_lines
from keywatch.detect.anchors import NOTHING, Anchors, Told, with_handles
from keywatch.detect.candidate import Candidate
from keywatch.detect.changed import MARGIN, Excerpt, News, around
from keywatch.detect.compose import WINDOW, most_specific
from keywatch.detect.confirm import Confirmer, of_path
from keywatch.detect.database import Database, Mode, Sightings
from keywatch.detect.decoding import DEPTH, Decoder
from keywatch.detect.filters import Sheet, allows_path, passed_over, rule_fits
from keywatch.detect.known_rules import KNOWN_SECRET
from keywatch.detect.paths import PathClasses
from keywatch.detect.plan import Plan, planned
from keywatch.detect.ruleset import RuleSet
from keywatch.detect.testcode import believed
from keywatch.detect.view import View, joined
from keywatch.model.content import Changed, Chunk, Mark
from keywatch.model.finding import Match
from keywatch.model.secret import Secret
from keywatch.native.sieve import Harmless

Spares: TypeAlias = Callable[[Candidate, Sheet], bool]
"""Tells whether a hit that would be told is to be left out after all."""

ENCODED = "encoded-text"
"""What stands for the triggers of encoded text among the rules that were cut off."""


class Detector:
    """Finds secrets in chunks. Pure but for its cache file; safe to share between threads."""

    def __init__(
        self, rules: RuleSet, *, cache_dir: Path | None = None, honour_comments: bool = True, depth: int = DEPTH
    ) -> None:
        """
        Compile `rules`, or load what an earlier run compiled.

        Args:
            rules: what to look for.
            cache_dir: where to keep the compiled database; None keeps nothing.
            honour_comments: whether a `keywatch:allow` on its line excuses a secret.
            depth: how often encoded text (base64, hexadecimal, escapes, UTF-16, gzip) is decoded; 0: never.
        """
        self.rules = rules
        self._honour_comments = honour_comments
        self._lock = threading.Lock()
        self._plan, self._database = _prepared(rules, cache_dir, decoding=depth > 0)
        self._depth = depth
        paths = PathClasses(self._plan.path_patterns)
        self._alike = paths.alike
        self._confirmer = Confirmer(rules, self._plan, self._database.modes, paths)
        self.forget()
        self._unruled = frozenset(range(len(MARKERS))) | self._decoder.numbers
        self._needs_sightings = Mode.WHOLE not in self._database.modes and not self._plan.paths
        self._reaches = {len(MARKERS) + place: reach for place, reach in self._plan.far} | self._decoder.reaches
        self.known = Anchors()
        """The values of the keys we hold. May be replaced at any time: what is scanned next is scanned with the new."""
        self.overruns: Counter[str] = Counter()
        """
        By rule: chunks in which it was cut off because the input kept it busy beyond reason. A scanner that sees one
        rise must tell that the chunk was not wholly looked at.
        """

    def forget(self) -> None:
        """Let go of what is remembered of texts: what the next scan costs does not depend on what came before."""
        self._decoder = Decoder(self._plan.triggers, len(MARKERS) + len(self._plan.seen))
        self._harmless: tuple[Anchors, Harmless] | None = None
        self._confirmer.forget()

    @property
    def overlap(self) -> int:
        """Bytes by which chunks of one origin should overlap so that no match is lost between them."""
        return max(WINDOW, self._plan.span)

    def harmless(self) -> Harmless | None:
        """Return what remembers text in which nothing is sighted; None: all text must be looked at."""
        if not self._needs_sightings or self._plan.is_bound:
            return None
        with self._lock:
            # Where other values are looked for, nothing is harmless any more.
            if self._harmless is None or self._harmless[0] is not self.known:
                self._harmless = self.known, Harmless()
            return self._harmless[1]

    def glance(self, text: memoryview) -> list[Mark] | None:
        """
        Return all that is sighted in a text put together from many, by pattern; None: look at each for itself.

        A span holds all that was sighted, and may begin before it.
        """
        sightings, cut = self._database.sightings(text)
        if cut or (self.known and self.known.look(bytes(text))):
            return None
        loose = self._database.loose
        marks: list[Mark] = []
        for number, (starts, ends) in sightings.items():
            # Without calls, as it is said of all that is sighted anywhere. What is empty takes in the byte before it.
            if number in loose:
                marks += [(end - MARGIN if end > MARGIN else 0, end or 1, number, 0) for end in ends]
            else:
                spans = zip(starts, ends, strict=True)
                marks += [
                    (start if start < end else end - 1 if end else 0, end or 1, number, 0) for start, end in spans
                ]
        return marks

    def scan(self, chunk: Chunk, spares: Spares | None = None, marks: list[Mark] | None = None) -> list[Match]:
        """
        Return the secrets in `chunk`, in the order they stand there, but for repeats in its overlap.

        Args:
            chunk: where to look. Of one that says what changed in it, only the secrets are told which that concerns.
            spares: is asked last, about what would be told.
            marks: gets the places of what may, with something that stands farther away, be a secret, each once; see
                `changed`.
        """
        if chunk.changed is not None:
            if self._needs_sightings and self._alike(chunk.origin.path, chunk.changed.path):
                return self._scan_changed(chunk, chunk.changed, spares, marks)
            chunk = replace(chunk, changed=None, sighted=None)
        if chunk.sighted is None:
            sightings, cut = self._database.sightings(chunk.data)
            told = self.known.look(chunk.data)
        else:
            sightings, cut, told = self._seen(chunk.sighted), frozenset[int](), NOTHING
        if marks is not None:
            self._mark(sightings, marks)
        if not sightings and not told and self._needs_sightings:
            return []
        sheet = Sheet(chunk)
        if passed_over(sheet, self.rules):
            return []
        overrun = self._cut_off(cut)
        specific = self._specific(sheet, sightings, told, overrun, self._depth)
        if overrun:
            with self._lock:
                self.overruns.update(overrun)
        if not specific and self._needs_sightings:
            return []
        # A public name is told with the secret it belongs to, not beside it.
        named = {handle.value for candidate in specific for handle in candidate.handles}
        reported = [
            candidate
            for candidate in specific
            if not candidate.rule.skip_report
            and candidate.reach >= chunk.overlap  # what ended with the previous chunk was left to this one
            and not (chunk.more and self._may_go_on(candidate, len(chunk.data)))
            and not (named and candidate.secret.decode("latin-1") in named)
        ]
        commented = self._commented(sheet, sightings) if reported else ()
        kept = [candidate for candidate in reported if not _on_lines(candidate, sheet, commented)]
        kept[:0] = self._named_by_path(sheet)
        return [_match(candidate, sheet) for candidate in kept if spares is None or not spares(candidate, sheet)]

    def _scan_changed(
        self, chunk: Chunk, changed: Changed, spares: Spares | None, marks: list[Mark] | None
    ) -> list[Match]:
        """Go over what changed; where that shows anything, over its surroundings as over any other chunk."""
        loose = self._database.loose
        if chunk.sighted is None:
            excerpt = Excerpt(chunk.data, changed)
            if excerpt.is_most or self.known.look(excerpt.data):
                return self.scan(replace(chunk, changed=None), spares, marks)
            seen, _ = self._database.sightings(excerpt.data)
            sightings = excerpt.placed(seen, loose)
        else:
            sightings = self._seen(chunk.sighted)
        if not sightings and not changed.marks:
            return []
        if marks is not None:
            self._mark(sightings, marks)
        near = News(changed).near(sightings, loose, self._reaches)
        if not near:
            return []
        # What is cut off here shows something first, and is said of the surroundings.
        shown = self._specific(Sheet(chunk), near, NOTHING, set(), self._depth)
        places = [
            (min(candidate.start, candidate.secret_start), max(candidate.reach, candidate.secret_end))
            for candidate in shown
            if not candidate.rule.skip_report
        ]
        return [match for piece in around(chunk, places) for match in self.scan(piece, spares)]

    def _seen(self, marks: Iterable[Mark]) -> Sightings:
        """Return what a glance has told of a chunk as `Database.sightings` would."""
        found: Sightings = {}
        loose = self._database.loose
        last, is_loose = -1, False
        starts, ends = list[int](), list[int]()
        for start, end, number, _ in marks:
            if number != last:  # a glance tells what it saw number by number
                last, is_loose = number, number in loose
                entry = found.get(number)
                if entry is None:
                    entry = found[number] = ([], [])
                starts, ends = entry
            starts.append(0 if is_loose else start)
            ends.append(end)
        return found

    def _mark(self, sightings: Sightings, marks: list[Mark]) -> None:
        """Add the places of what may concern something farther away, each once."""
        reaches, loose = self._reaches, self._database.loose
        for number, (starts, ends) in sightings.items():
            reach = reaches.get(number)
            if reach is None:
                continue
            if number in loose:
                marks += [(end - 1 if end else 0, end, number, reach) for end in dict.fromkeys(ends)]
            else:
                marks += zip(starts, ends, repeat(number), repeat(reach))

    def _specific(  # noqa: PLR0917 - it calls itself, one view deeper
        self,
        sheet: Sheet,
        sightings: Sightings,
        told: Told,
        overrun: set[str],
        depth: int,
        shown: View | None = None,
    ) -> list[Candidate]:
        """Return what stands in the chunk, plainly or encoded up to `depth` times; one candidate for each secret."""
        found = self._confirmer.candidates(sheet, sightings, overrun)
        if not found and not told and self._decoder.numbers.isdisjoint(sightings):
            return []
        # Parts take part, so that the public id of a key is not taken for a secret by a less specific rule.
        ruled = [candidate for candidates in found.values() for candidate in candidates]
        plain = most_specific([*ruled, *with_handles(told.found, ruled)])
        if told.cut:
            overrun.add(KNOWN_SECRET)
        view = self._decoder.view(sheet, sightings, plain, shown, told.encoded) if depth else None
        if view is None:
            return plain
        inner, cut = self._database.sightings(view.data)
        overrun |= self._cut_off(cut) | ({ENCODED} if not view.whole else set())
        told = self.known.look(view.data)
        decoded = self._specific(Sheet(Chunk(view.data, sheet.chunk.origin)), inner, told, overrun, depth - 1, view)
        return joined(plain, view.placed(decoded))

    def _may_go_on(self, candidate: Candidate, size: int) -> bool:
        """Tell whether the chunk's end may have cut `candidate` off, and the next chunk shows all of it."""
        begin = candidate.start if candidate.since < 0 else min(candidate.start, candidate.since)
        return candidate.reach >= size and begin >= size - self.overlap

    def _cut_off(self, numbers: frozenset[int]) -> set[str]:
        """Return the ids of the rules with these numbers."""
        if not numbers:
            return set()
        rules = {self._confirmer.rule(number).id for number in numbers - self._unruled}
        return rules | {ENCODED for _ in numbers & self._decoder.numbers}

    def _commented(self, sheet: Sheet, sightings: Sightings) -> Sequence[int]:
        if not self._honour_comments:
            return ()
        return excused_lines(
            (marker, sheet.lines.index(start))
            for number, marker in enumerate(MARKERS)
            if number in sightings
            for start in sightings[number][0]
        )

    def _named_by_path(self, sheet: Sheet) -> Iterator[Candidate]:
        """Yield a candidate for each rule that looks at paths alone, once a file."""
        if sheet.chunk.offset:
            return
        for rule in (self.rules.rules[place] for place in self._plan.paths):
            lists = (*rule.allowlists, *(one for one in self.rules.allowlists if rule.id in one.rules))
            if rule_fits(rule, sheet.path) and not any(allows_path(one, sheet.path) for one in lists):
                yield of_path(rule, sheet)


def _prepared(rules: RuleSet, cache_dir: Path | None, *, decoding: bool) -> tuple[Plan, Database]:
    """Return how to look for `rules`, and with what: from the cache, where an earlier run left it."""
    if cache_dir is None:
        plan, expressions = planned(rules, decoding=decoding)
        return plan, Database(expressions.patterns, groups=expressions.groups)
    name = f"{rules.hash} {decoding}"
    database = Database.named(name, lambda: planned(rules, decoding=decoding)[1], cache_dir)
    return Plan.loaded(database.note), database


def _on_lines(candidate: Candidate, sheet: Sheet, excused: Sequence[int]) -> bool:
    if not excused:
        return False
    first, last = sheet.lines.index(candidate.secret_start), sheet.lines.index(candidate.secret_end - 1)
    return bisect_left(excused, first) < bisect_right(excused, last)


def _match(candidate: Candidate, sheet: Sheet) -> Match:
    line, column = sheet.lines.place(candidate.secret_start)
    empty = candidate.secret_end <= candidate.secret_start
    end_line, end_column = (line, column) if empty else sheet.lines.end(candidate.secret_end)
    return Match(
        rule=candidate.rule.info,
        secret=Secret(candidate.secret),
        origin=sheet.chunk.origin,
        offset=sheet.chunk.offset + candidate.secret_start,
        length=candidate.secret_end - candidate.secret_start,
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
        confidence=believed(candidate, sheet),
        specificity=candidate.rule.specificity,
        handles=candidate.handles,
    )
