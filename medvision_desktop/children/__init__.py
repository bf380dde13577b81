"""Child processes: native code that can stall or abort lives in one, and costs one job when it does.

`process` is the parent's side, `serve` the child's, `channel` what crosses between them.
"""
