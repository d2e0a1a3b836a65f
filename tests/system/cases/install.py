"""From a bare system to an installed package that does nothing yet."""

from machine import Failed, equal, holds


def case_the_package_installs_by_apt_from_a_signed_repository(m):
    m.before = everything(m)
    m.sh("install -m 0644 /srv/tradingbot/tradingbot-archive-keyring.pgp /usr/share/keyrings/")
    m.sh(f"install -m 0644 /srv/tradingbot/tradingbot-{m.suite}.sources /etc/apt/sources.list.d/tradingbot.sources")
    m.sh("apt-get update --error-on=any")
    text = m.sh("apt-get install --yes tradingbot", timeout=180)
    told = [line for line in text.splitlines() if line.startswith("tradingbot: ")]
    equal(len(told), 3, f"lines that say what to do next in\n{text}")
    holds(told[0], "tradingbot token new")
    holds(told[1], "systemctl enable --now tradingbot.socket")
    holds(told[2], "journalctl -u tradingbot")
    size = int(m.sh("dpkg-query --show --showformat='${Installed-Size}' tradingbot"))
    m.note(f"installed size {size / 1024:.1f} MiB, binary {m.path('/usr/bin/tradingbot').stat().st_size / 1e6:.1f} MB")


def case_a_repository_that_was_tampered_with_is_refused(m):
    update = ("apt-get update --error-on=any -o Dir::Etc::sourcelist=/tmp/forged.sources -o Dir::Etc::sourceparts=- "
              "-o Dir::State::lists=/tmp/lists")
    m.sh("mkdir -p /tmp/lists/partial")
    m.sh("sed 's|/srv/tradingbot|/srv/forged|' /etc/apt/sources.list.d/tradingbot.sources > /tmp/forged.sources && "
         "cp -r /srv/tradingbot /srv/forged && rm /srv/forged/dists/*/InRelease /srv/forged/dists/*/Release.gpg")
    holds(m.fails(update), "is not signed")
    m.sh("cp /srv/tradingbot/dists/*/Release.gpg /srv/forged/dists/*/ 2>/dev/null; "
         f"cp /srv/tradingbot/dists/{m.suite}/Release.gpg /srv/forged/dists/{m.suite}/ && "
         f"echo >> /srv/forged/dists/{m.suite}/Release")
    holds(m.fails(update).lower(), "signature")
    m.sh("rm -r /srv/forged /tmp/forged.sources /tmp/lists")


def case_after_installation_nothing_listens_runs_or_is_enabled(m):
    equal(m.sh("ss --no-header --listening --tcp --udp --numeric"), "", "listeners")
    equal(m.sh("ls /run | grep -x tradingbot", check=False), "", "/run/tradingbot")
    equal(m.sh("systemctl list-units --no-legend --plain 'tradingbot*'"), "", "units that are loaded")
    enabled = m.sh("systemctl list-unit-files --no-legend --plain 'tradingbot*'")
    states = {line.split()[0]: line.split()[1] for line in enabled.splitlines()}
    if len(states) < 9 or any(state not in ("disabled", "static") for state in states.values()):
        raise Failed(enabled)
    equal(m.sh("pgrep -u tradingbot || true") if m.path("/usr/bin/pgrep").exists() else "", "", "processes")


def case_config_and_state_belong_to_whom_they_should(m):
    seen = m.sh("stat -c '%A %U %G %n' /etc/tradingbot /etc/tradingbot/tradingbot.toml /var/lib/tradingbot "
                "/run/tradingbot-root").splitlines()
    equal(seen, [
        "drwxr-x--- root tradingbot /etc/tradingbot",
        "-rw-r----- root tradingbot /etc/tradingbot/tradingbot.toml",
        "drwx------ tradingbot tradingbot /var/lib/tradingbot",
        "drwxr-xr-x root root /run/tradingbot-root",
    ])
    holds(m.sh("getent passwd tradingbot"), ":/var/lib/tradingbot:/usr/sbin/nologin")


def case_units_are_clean_for_the_systemd_of_this_release(m):
    units = m.sh("dpkg -L tradingbot | grep -E '/system/[^/]*[.](service|socket|timer|slice)$'").split()
    instances = [unit.replace("@.", "@two.") for unit in units]
    for template, instance in zip(units, instances):
        if template != instance:
            m.sh(f"ln -s {template} /run/systemd/system/$(basename {instance})")
    text = m.sh("systemd-analyze verify --man=no " + " ".join(path.rsplit("/", 1)[1] for path in instances) + " 2>&1")
    m.sh("rm -f /run/systemd/system/*two*; systemctl daemon-reload")
    equal(text, "", "what systemd-analyze verify has to say")
    equal(len(units) >= 9, True, "units")


def case_the_package_is_what_a_debian_developer_would_ship(m):
    holds(m.sh("dpkg -L tradingbot"), "/usr/share/man/man1/tradingbot.1.gz", "/usr/share/man/man1/tradingbot-run.1.gz",
          "/usr/share/bash-completion/completions/tradingbot", "/usr/share/zsh/vendor-completions/_tradingbot",
          "/usr/share/fish/vendor_completions.d/tradingbot.fish", "/usr/share/doc/tradingbot/copyright")
    wanted = "/etc/logrotate.d/tradingbot\n/etc/tradingbot/tradingbot.toml\n/etc/ufw/applications.d/tradingbot\n"
    equal(m.sh("dpkg-query --show --showformat='${Conffiles}\n' tradingbot | awk 'NF { print $1 }'"), wanted, "conffiles")
    equal(m.sh("dpkg --verify tradingbot"), "", "changed files")


def everything(m):
    """Every path outside of what other programs write, to compare before and after."""
    found = m.sh("find / -xdev -not -path '/proc*' -not -path '/sys*' -not -path '/var/lib/dpkg/*' "
                 "-not -path '/var/cache/*' -not -path '/var/lib/apt/*' -not -path '/var/log/*' -not -path '/tmp*' "
                 "-not -path '/var/tmp*' -not -path '/srv*' -not -path '/var/lib/systemd/*' -not -path '/dev*'")
    return set(found.splitlines())
