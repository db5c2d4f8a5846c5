mod apply;
mod args;
mod door;
mod table;
