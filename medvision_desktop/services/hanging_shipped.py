"""The hanging protocols that ship, as the file a reader would write."""

from __future__ import annotations

from typing import Final

TEXT: Final = """\
# Hanging protocols. The first rule that is for a study hangs it; its stages follow each other by key.
# A rule is for a study when everything it names holds: kind (film, image, stack, volume), modality,
# body_part, view, laterality, series (words of the description), prior (true, false, or left out).
# A pane names study ("current" or "prior"), series, without, modality, view, laterality, acquired,
# preset (a window preset by name), plane (of a volume) and optional.

[[rule]]
name = "Mammogram"
modality = ["MG"]

[[rule.stage]]
name = "CC"
layout = "1x2"
pane = [{ view = ["CC"], laterality = "R" }, { view = ["CC"], laterality = "L" }]

[[rule.stage]]
name = "MLO"
layout = "1x2"
pane = [{ view = ["MLO"], laterality = "R" }, { view = ["MLO"], laterality = "L" }]

[[rule.stage]]
name = "All four"
layout = "2x2"
pane = [
  { view = ["CC"], laterality = "R" }, { view = ["CC"], laterality = "L" },
  { view = ["MLO"], laterality = "R" }, { view = ["MLO"], laterality = "L" },
]

[[rule]]
name = "Chest film with a prior"
kind = ["film"]
body_part = ["chest", "thorax", "lung"]
prior = true

[[rule.stage]]
name = "Beside the prior"
layout = "1x2"
pane = [{}, { study = "prior" }]

[[rule.stage]]
name = "Plain and layers"
layout = "1x2"
pane = [{}, {}]

[[rule]]
name = "Chest film"
kind = ["film"]
body_part = ["chest", "thorax", "lung"]
prior = false

[[rule.stage]]
name = "Plain and layers"
layout = "1x2"
pane = [{}, {}]

[[rule.stage]]
name = "Frontal and lateral"
layout = "1x2"
pane = [{ view = ["PA", "AP"] }, { view = ["LL", "RL", "LATERAL"] }]

[[rule]]
name = "Film with a prior"
kind = ["film"]
prior = true

[[rule.stage]]
name = "Beside the prior"
layout = "1x2"
pane = [{}, { study = "prior" }]

[[rule.stage]]
name = "Alone"
layout = "1x1"
pane = [{}]

[[rule]]
name = "CT or MR with a prior"
kind = ["stack"]
modality = ["CT", "MR", "PT"]
prior = true

[[rule.stage]]
name = "Beside the prior"
layout = "1x2"
pane = [{}, { study = "prior" }]

[[rule.stage]]
name = "Alone"
layout = "1x1"
pane = [{}]

[[rule.stage]]
name = "Three planes"
layout = "mpr"
pane = [{}]

[[rule]]
name = "CT of the chest"
kind = ["stack"]
modality = ["CT"]
body_part = ["chest", "thorax", "lung"]

[[rule.stage]]
name = "Alone"
layout = "1x1"
pane = [{}]

[[rule.stage]]
name = "Mediastinum and lung"
layout = "1x2"
pane = [{ preset = "Mediastinum" }, { preset = "Lung" }]

[[rule.stage]]
name = "Three planes"
layout = "mpr"
pane = [{}]

[[rule]]
name = "CT of the head"
kind = ["stack"]
modality = ["CT"]
body_part = ["head", "brain", "skull", "cerebr", "cranium"]

[[rule.stage]]
name = "Alone"
layout = "1x1"
pane = [{}]

[[rule.stage]]
name = "Brain, subdural, stroke and bone"
layout = "2x2"
pane = [{ preset = "Brain" }, { preset = "Subdural" }, { preset = "Stroke" }, { preset = "Bone" }]

[[rule.stage]]
name = "Three planes"
layout = "mpr"
pane = [{}]

[[rule]]
name = "MR"
kind = ["stack"]
modality = ["MR"]

[[rule.stage]]
name = "Alone"
layout = "1x1"
pane = [{}]

[[rule.stage]]
name = "T1, T2, FLAIR and diffusion"
layout = "2x2"
pane = [
  { series = ["T1", "MPRAGE"], optional = true },
  { series = ["T2"], without = ["FLAIR", "T2*"], optional = true },
  { series = ["FLAIR", "dark fluid"], optional = true },
  { series = ["DWI", "diff", "ep2d", "TRACE"], optional = true },
]

[[rule.stage]]
name = "Axial, coronal and sagittal series"
layout = "1+2"
pane = [{ acquired = "axial" }, { acquired = "coronal" }, { acquired = "sagittal" }]

[[rule.stage]]
name = "Three planes"
layout = "mpr"
pane = [{}]

[[rule]]
name = "Volume file"
kind = ["volume"]

[[rule.stage]]
name = "Three planes"
layout = "mpr"
pane = [{}]

[[rule.stage]]
name = "Alone"
layout = "1x1"
pane = [{}]

[[rule]]
name = "Any other stack"
kind = ["stack"]

[[rule.stage]]
name = "Alone"
layout = "1x1"
pane = [{}]

[[rule.stage]]
name = "Three planes"
layout = "mpr"
pane = [{}]

[[rule]]
name = "Any other image"

[[rule.stage]]
name = "Alone"
layout = "1x1"
pane = [{}]
"""
