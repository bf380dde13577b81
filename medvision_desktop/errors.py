"""Every error the program tells a person about.

What the world did is a `MedVisionError`: it says what happened, why, and what to do now, in
words for a radiologist. Anything else that is raised is a bug of ours and goes to the crash sheet.

    MedVisionError
    |-- InputRefused        a file, folder or series that cannot be shown as it is
    |-- GateRefused         a model's input gate says no to this image
    |-- ModelRefused        a model package that may not run
    |-- AnalysisFailed      the network ran and did not come to an end
    |-- StoreUnavailable    the record cannot be read or written
    |-- RecordDamaged       the record was read and does not verify
    |-- DecisionRefused     a decision that the rules of review do not allow
    |-- SignatureStopped    a report that cannot be signed yet
    |-- ExportFailed        a file that could not be written
    |-- SettingsInvalid     a setting outside its range
    `-- ChildFailed         a child process died, stalled or ran out of memory
    Cancelled               not an error: the reader asked to stop
"""

from __future__ import annotations


class MedVisionError(Exception):
    """Something the world did.

    `what` happened, `why`, and `now`: what the reader can do. Each is one plain sentence without
    patient data, because all three also go to the log.
    """

    def __init__(self, what: str, why: str = "", now: str = "") -> None:
        super().__init__(what, why, now)
        self.what = what
        self.why = why
        self.now = now

    def __str__(self) -> str:
        """One line: what, why, what now."""
        return " ".join(part for part in (self.what, self.why, self.now) if part)


class InputRefused(MedVisionError):
    """A file, folder or series that cannot be shown as it is."""


class GateRefused(MedVisionError):
    """The input gate of a model says no to this image."""


class ModelRefused(MedVisionError):
    """A model package that may not run: a wrong hash, shape, range or manifest."""


class AnalysisFailed(MedVisionError):
    """The network was started and gave no result."""


class StoreUnavailable(MedVisionError):
    """The record cannot be read or written: disk full, no rights, locked."""


class RecordDamaged(MedVisionError):
    """The record was read and does not verify."""


class DecisionRefused(MedVisionError):
    """A decision that the rules of review do not allow, such as one on a signed report."""


class SignatureStopped(MedVisionError):
    """A report that cannot be signed yet, and what it waits for."""


class ExportFailed(MedVisionError):
    """A file that could not be written."""


class SettingsInvalid(MedVisionError):
    """A setting that is unknown, of the wrong type, or outside its range."""


class ChildFailed(MedVisionError):
    """A child process died, stalled past its limit or ran out of memory."""


class Cancelled(Exception):
    """The reader asked to stop. Not an error, so not a `MedVisionError`."""
