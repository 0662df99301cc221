"""Answers kept in the process."""

from collections import OrderedDict
from dataclasses import dataclass, field

from api.graphql.planned.answer import Read, Seen


@dataclass
class Kept:
    """The latest answers, good for as long as no read model has moved; the oldest go first."""

    most_bytes: int
    answers: OrderedDict[str, Seen] = field(default_factory=OrderedDict)
    size: int = 0

    def get(self, read: Read) -> Seen | None:
        """The last answer to the question, if it is still kept."""
        return self.answers.get(read.name)

    def keep(self, read: Read, seen: Seen) -> None:
        """Remember an answer that follows from the read models alone."""
        assert read.plan is not None, read
        if not read.plan.keeps:
            return
        before = self.answers.pop(read.name, None)
        self.answers[read.name] = seen
        self.size += len(seen.body) - (len(before.body) if before else 0)
        while self.size > self.most_bytes:
            _, gone = self.answers.popitem(last=False)
            self.size -= len(gone.body)
