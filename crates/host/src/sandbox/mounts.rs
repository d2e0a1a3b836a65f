//! What a process's mounts let it run and see: `/proc/PID/mountinfo`, as proc(5) tells of it.

/// One line.
struct Mount<'t> {
    /// The folder of the file system that is mounted.
    root: &'t str,
    /// Where.
    place: &'t str,
    options: &'t str,
    kind: &'t str,
    /// Of the file system, not of this mount of it.
    super_options: &'t str,
}

impl<'t> Mount<'t> {
    fn read(line: &'t str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let mut system = system.split(' ');
        let (root, place, options) = (mount.next()?, mount.next()?, mount.next()?);
        Some(Self { root, place, options, kind: system.next()?, super_options: system.nth(1).unwrap_or("") })
    }

    fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|word| word == option)
    }

    /// Hidden by the service manager, which mounts an empty folder without any rights over what is hidden.
    fn is_hidden(&self) -> bool {
        self.root.contains(INACCESSIBLE)
    }
}

/// What shows that the process may run what it has written.
pub(super) fn running(mounts: &str) -> Option<String> {
    let runs =
        |mount: &Mount<'_>| (mount.has("rw") || mount.place == "/") && !mount.has("noexec") && mount.kind != HUGE_PAGES;
    let open = mounts.lines().filter_map(Mount::read).find(runs)?;
    Some(format!("what it writes can be run ({} is not mounted with noexec)", open.place))
}

/// What shows that the process sees more than a root of its own holds.
pub(super) fn showing(mounts: &str) -> Option<String> {
    let of_a_host = |mount: &Mount<'_>| OF_A_HOST.contains(&mount.place);
    // The last mount at a place covers the others.
    let mut seen: Vec<Mount<'_>> = Vec::new();
    for mount in mounts.lines().filter_map(Mount::read) {
        seen.retain(|other| other.place != mount.place);
        seen.push(mount);
    }
    if let Some(mount) = seen.iter().find(|mount| of_a_host(mount) && !mount.is_hidden()) {
        return Some(format!("it sees a folder of the host ({})", mount.place));
    }
    let proc = seen.iter().find(|mount| mount.place == "/proc")?;
    let lacks = |option: &str| !proc.super_options.split(',').any(|word| word == option);
    if lacks("subset=pid") {
        return Some("it sees what the kernel says of itself (/proc is not mounted with subset=pid)".to_owned());
    }
    let shows = lacks("hidepid=invisible") && lacks("hidepid=2");
    shows.then(|| "it sees other processes (/proc is not mounted with hidepid=invisible)".to_owned())
}

const INACCESSIBLE: &str = "/inaccessible/";
/// A file system that holds no programs: it cannot be written to, only mapped.
const HUGE_PAGES: &str = "hugetlbfs";
/// Places at which nothing is mounted in a root of one's own, unless to hide it.
const OF_A_HOST: [&str; 19] = [
    "/bin", "/boot", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt", "/root", "/run", "/sbin", "/srv",
    "/sys", "/usr", "/usr/bin", "/var", "/var/lib", "/var/log",
];

#[cfg(test)]
mod tests {
    use super::*;

    const GUARDED: &str = "468 348 0:63 /r / ro,nosuid,nodev,noexec shared:108 master:6 - tmpfs tmpfs rw,mode=755\n\
        473 469 0:71 / /dev/hugepages rw,nosuid,relatime shared:112 - hugetlbfs hugetlbfs rw,pagesize=2M\n\
        476 468 0:47 /usr/bin/tradingbot /usr/bin/tradingbot ro,nosuid - overlay x rw\n\
        480 468 0:84 / /proc rw,nosuid,nodev,noexec - proc proc rw,hidepid=invisible,subset=pid\n\
        481 468 0:63 /host/inaccessible/dir /root ro,nosuid,nodev,noexec - tmpfs tmpfs rw\n\
        486 468 0:64 / /sys ro,nosuid,nodev,noexec - sysfs sysfs ro\n\
        487 468 0:63 /systemd/inaccessible/dir /sys ro,nosuid,nodev,noexec - tmpfs tmpfs rw\n\
        490 468 0:47 /var/lib/tradingbot /var/lib/tradingbot rw,nosuid,noexec - overlay x rw\n";

    #[test]
    fn a_root_of_ones_own_shows_and_runs_nothing() {
        assert_eq!((running(GUARDED), showing(GUARDED)), (None, None));
    }

    #[test]
    fn what_is_written_and_can_be_run_is_named() {
        let open = running(&GUARDED.replace("rw,nosuid,noexec - overlay", "rw,nosuid - overlay")).unwrap();
        assert_eq!(open, "what it writes can be run (/var/lib/tradingbot is not mounted with noexec)");
        assert!(
            running(&GUARDED.replace("nodev,noexec shared:108", "nodev shared:108")).unwrap().contains("(/ is not")
        );
    }

    #[test]
    fn what_is_mounted_over_or_shown_of_the_host_is_named() {
        let home = format!("{GUARDED}500 468 0:47 /home /home ro,nosuid,noexec - ext4 /dev/x rw\n");
        assert_eq!(showing(&home).unwrap(), "it sees a folder of the host (/home)");
        let root = format!("{GUARDED}500 468 0:47 /root /root ro,nosuid,noexec - ext4 /dev/x rw\n");
        assert_eq!(showing(&root).unwrap(), "it sees a folder of the host (/root)");
        assert!(showing(&GUARDED.replace("/systemd/inaccessible/dir /sys", "/x /y")).unwrap().contains("(/sys)"));
        assert!(showing(&GUARDED.replace("hidepid=invisible,", "")).unwrap().contains("other processes"));
        assert!(showing(&GUARDED.replace(",subset=pid", "")).unwrap().contains("what the kernel says"));
    }
}
