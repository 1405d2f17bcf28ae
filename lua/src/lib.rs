//! A patched Lua 5.1 with the libraries that Redis gives to scripts; knows no Redis command.
