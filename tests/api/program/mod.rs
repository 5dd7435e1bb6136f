//! The program as a process: its commands, its file, and its shutdown.

mod command_line;
mod disk;
mod key_files;
mod secret_keys;
mod shutdown;
