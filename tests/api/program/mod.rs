//! The program as a process: its commands, its file, and how it ends.

mod command_line;
mod disk;
mod shutdown;
