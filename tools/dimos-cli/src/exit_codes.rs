//! What the exit codes of [`dimos::exit`] mean, for people.

/// The end of the long help.
pub(crate) const HELP: &str = "\
Exit codes:
    0  done; also if whoever read stdout had enough of it
    1  something unexpected failed, or a called method did
    2  the command line is wrong, or a name stands for several things
    3  done, but data was lost or is incomplete
    4  a module, method or file is not there
    5  it took too long
   10  a module failed
   11  a launch file is wrong
   12  the bus cannot be joined
   13  another process has taken the name
  130  interrupted, as by Ctrl-C";
