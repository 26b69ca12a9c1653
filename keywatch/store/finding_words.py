"""What people have said of findings, and what became of these by it."""

from collections.abc import Sequence

from sqlalchemy import select, update

from keywatch.model.finding import FindingState, FindingWord
from keywatch.store import schema
from keywatch.store.database import Database
from keywatch.store.sql import insert_new


class FindingWordRecords(Database):
    """Words that were given; none is ever changed or removed."""

    def say(self, words: Sequence[FindingWord]) -> None:
        """Keep words, and let their findings be in the state they give, unless these are resolved: nobody sees them."""
        table = schema.finding
        rows = [
            {"finding": word.finding, "state": word.state.value, "by": word.by, "at": word.at, "note": word.note}
            for word in words
        ]
        with self._writing() as connection:
            insert_new(connection, schema.finding_word, rows)
            for word in words:
                here = (table.c.id == word.finding) & (table.c.state != FindingState.RESOLVED.value)
                connection.execute(update(table).where(here).values(state=word.state.value))

    def finding_words(self) -> list[FindingWord]:
        """Return every word, oldest first."""
        table = schema.finding_word
        with self._reading() as connection:
            rows = connection.execute(select(table).order_by(table.c.at, table.c.finding, table.c.by)).all()
        return [
            FindingWord(finding=row.finding, state=FindingState(row.state), by=row.by, at=row.at, note=row.note)
            for row in rows
        ]
