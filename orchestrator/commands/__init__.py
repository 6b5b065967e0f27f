"""The commands of `sluice`, one file per group; heavy imports stand inside a command, so that `--help` is quick."""
