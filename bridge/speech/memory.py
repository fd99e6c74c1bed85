"""The history of a conversation, in which the bot has said only what was heard."""

from bridge.speech.brain import CallTool, Message, Said, ToolResult

__all__ = ["Memory"]


class Memory:
    """What has happened so far, as the brain is told.

    What the bot says is noted when it has been made, and put right when it is known
    what of it was heard.
    """

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._spoken: list[tuple[Said, int, int]] = []
        """Of the running utterance: each part, its first word and the one behind."""

    def heard(self, text: str, *, are_keys: bool = False) -> None:
        """The caller said something."""
        self.messages.append(Said("caller", text, are_keys=are_keys))

    def coached(self, text: str) -> None:
        """A supervisor said something, to us alone."""
        self.messages.append(Said("supervisor", text))

    def take_back(self) -> str:
        """The caller goes on: return what they had said, and forget it."""
        last = self.messages[-1] if self.messages else None
        if isinstance(last, Said) and last.who == "caller" and not last.are_keys:
            self.messages.pop()
            return last.text
        return ""

    def called(self, call: CallTool) -> None:
        """The brain wants a tool run."""
        self.messages.append(call)

    def returned(self, call: CallTool, text: str) -> None:
        """A tool has run."""
        self.messages.append(ToolResult(call.call_id, call.name, text))

    def saying(self, text: str, first_word: int, last_word: int) -> None:
        """A part of the running utterance has been made."""
        if text:
            part = Said("bot", text)
            self.messages.append(part)
            self._spoken.append((part, first_word, last_word))

    def said(self, words: int, *, is_complete: bool) -> None:
        """The utterance is over, and so many of its words were heard.

        Args:
            words: How many.
            is_complete: Whether there would have been no more.
        """
        for part, first, last in self._spoken:
            is_cut = words < last or (part is self._spoken[-1][0] and not is_complete)
            if not is_cut:
                continue
            place = next(i for i, m in enumerate(self.messages) if m is part)
            heard = " ".join(part.text.split()[: max(0, words - first)])
            if heard:
                self.messages[place] = Said("bot", heard, is_cut=True)
            else:
                del self.messages[place]
        self._spoken.clear()
