"""Every table and figure of Ouni et al. 2022 again, and what beats them, by one command.

    python -m benchmarks.paper --data ROOT [--only table3,beat] [--cache DIR] [--out DIR]

A benchmark and no subcommand: it needs rivals, plots and the paper's own numbers, none of which
belongs into what people install to search their photos; `semsig evaluate` measures one setting.
"""
