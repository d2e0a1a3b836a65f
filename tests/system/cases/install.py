"""From a bare system to an installed package that does nothing yet."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from files import PACKAGE, SOURCE, leaves_exactly
from machine import TREE, Failed, equal, holds, starts

DEB_BYTES_MAX = 4_000_000
BINARY_BYTES_MAX = 10_000_000


@starts("bare")
def case_the_package_installs_by_apt_from_a_signed_repository_and_says_what_to_do_next(m):
    text = m.install()
    told = [line for line in text.splitlines() if line.startswith("tradingbot: ")]
    equal(len(told), 3, f"lines that say what to do next in\n{text}")
    holds(told[0], "tradingbot token new")
    holds(told[1], "systemctl enable --now tradingbot.socket")
    holds(told[2], "journalctl -u tradingbot")


@starts("installed")
def case_it_asks_nothing(m):
    equal(m.sh("cd /var/lib/dpkg/info && ls tradingbot.config tradingbot.templates 2>/dev/null", check=False), "",
          "questions to the user")


@starts("installed")
def case_a_repository_that_was_tampered_with_is_refused(m):
    update = ("apt-get update --error-on=any -o Dir::Etc::sourcelist=/tmp/forged.sources -o Dir::Etc::sourceparts=- "
              "-o Dir::State::lists=/tmp/lists")
    m.sh("mkdir -p /tmp/lists/partial")
    m.sh("sed 's|/srv/tradingbot|/srv/forged|' /etc/apt/sources.list.d/tradingbot.sources > /tmp/forged.sources && "
         "cp -r /srv/tradingbot /srv/forged && rm /srv/forged/dists/*/InRelease /srv/forged/dists/*/Release.gpg")
    holds(m.fails(update), "is not signed")
    m.sh(f"cp /srv/tradingbot/dists/{m.suite}/Release.gpg /srv/forged/dists/{m.suite}/ && "
         f"echo >> /srv/forged/dists/{m.suite}/Release")
    holds(m.fails(update).lower(), "signature")


@starts("installed")
def case_a_package_that_was_tampered_with_is_refused(m):
    m.sh("apt-get purge --yes tradingbot && apt-get clean", timeout=120)
    m.sh(f"for file in /srv/tradingbot/pool/{m.suite}/*.deb; do printf x | dd of=$file bs=1 seek=200000 conv=notrunc; done")
    holds(m.fails("apt-get install --yes tradingbot"), "Hash Sum mismatch")


@starts("installed")
def case_after_installation_nothing_listens_runs_or_is_enabled(m):
    equal(m.sh("ss --no-header --listening --tcp --udp --numeric"), "", "listeners")
    equal(m.sh("ls /run | grep -x tradingbot", check=False), "", "/run/tradingbot")
    equal(m.sh("systemctl list-units --no-legend --plain 'tradingbot*'"), "", "units that are loaded")
    enabled = m.sh("systemctl list-unit-files --no-legend --plain 'tradingbot*'")
    states = {line.split()[0]: line.split()[1] for line in enabled.splitlines()}
    if len(states) < 9 or any(state not in ("disabled", "static") for state in states.values()):
        raise Failed(enabled)
    equal(m.sh("ps -u tradingbot -o comm=", check=False), "", "processes")


@starts("installed")
def case_installation_leaves_exactly_the_listed_files(m):
    leaves_exactly(m, PACKAGE, SOURCE)


@starts("installed")
def case_installing_again_changes_no_file(m):
    look = "dpkg -L tradingbot | while read -r path; do stat -c '%n %A %U %G' $path; test -d $path || sha256sum $path; done"
    before = m.sh(look)
    m.sh("apt-get install --reinstall --yes tradingbot", timeout=120)
    equal(m.sh(look), before, "files of the package")
    leaves_exactly(m, PACKAGE, SOURCE)


@starts("bare")
def case_a_first_installation_that_was_cut_off_can_be_finished(m):
    m.sh(f"dpkg --unpack /srv/tradingbot/pool/{m.suite}/*.deb")
    equal(m.sh("ss --no-header --listening --tcp --numeric"), "", "listeners between unpack and configure")
    m.sh("dpkg --configure --pending", timeout=120)
    equal(m.sh("dpkg-query --show --showformat='${Status}' tradingbot"), "install ok installed")
    m.sh("systemctl enable --now tradingbot.socket")
    equal(m.get("/v1/status")[0], 401)


@starts("installed")
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


@starts("installed")
def case_units_are_clean_for_the_systemd_of_this_release(m):
    units = m.sh("dpkg -L tradingbot | grep -E '/system/[^/]*[.](service|socket|timer|slice)$'").split()
    instances = [unit.replace("@.", "@two.") for unit in units]
    for template, instance in zip(units, instances):
        if template != instance:
            m.sh(f"ln -s {template} /run/systemd/system/$(basename {instance})")
    text = m.sh("systemd-analyze verify --man=no " + " ".join(path.rsplit("/", 1)[1] for path in instances) + " 2>&1")
    equal(text, "", "what systemd-analyze verify has to say")
    equal(len(units) >= 9, True, "units")


@starts("installed")
def case_the_package_is_what_a_debian_developer_would_ship(m):
    holds(m.sh("dpkg -L tradingbot"), "/usr/share/man/man1/tradingbot.1.gz", "/usr/share/man/man1/tradingbot-run.1.gz",
          "/usr/share/bash-completion/completions/tradingbot", "/usr/share/zsh/vendor-completions/_tradingbot",
          "/usr/share/fish/vendor_completions.d/tradingbot.fish", "/usr/share/doc/tradingbot/copyright")
    wanted = "/etc/logrotate.d/tradingbot\n/etc/tradingbot/tradingbot.toml\n/etc/ufw/applications.d/tradingbot\n"
    equal(m.sh("dpkg-query --show --showformat='${Conffiles}\n' tradingbot | awk 'NF { print $1 }'"), wanted, "conffiles")
    equal(m.sh("dpkg --verify tradingbot"), "", "changed files")
    equal(m.sh("bash -c '. /usr/share/bash-completion/completions/tradingbot && complete -p tradingbot' >/dev/null"), "",
          "what the completions for bash have to say")


@starts("installed")
def case_versions_stand_side_by_side_and_the_documented_downgrade_works(m):
    old = m.sh("dpkg-query --show --showformat='${Version}' tradingbot")
    m.sh("rm -r /srv/tradingbot && mv /srv/both /srv/tradingbot")
    m.sh("apt-get update --error-on=any && apt-get install --yes tradingbot", timeout=120)
    new = m.sh("dpkg-query --show --showformat='${Version}' tradingbot")
    equal(new == old, False, f"a newer version than {old}")
    holds(m.sh("apt list --all-versions tradingbot 2>/dev/null"), old, new)
    # As the handbook says, with the answers to its questions.
    m.sh(f"apt-get install --yes --allow-downgrades tradingbot={old}", timeout=120)
    equal(m.sh("dpkg-query --show --showformat='${Version}' tradingbot"), old, "the version after the downgrade")


@starts("bare")
def case_a_repository_takes_the_place_only_of_one_that_was_made_so(m):
    folder, key = m.out / f"repository {m.suite}", m.out / "key"
    shutil.rmtree(folder, ignore_errors=True)

    def make(packages, works=True):
        command = [TREE / "packaging" / "make-repo", folder, "--packages", packages, "--key-home", key]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        equal((done.returncode == 0, list(m.out.glob(f"{folder.name}.new*"))), (works, []), done.stdout)
        return done.stdout

    def tree():
        return {path.relative_to(folder): path.is_file() and digest(path) for path in folder.rglob("*")}

    folder.mkdir()
    make(TREE / "target" / "deb")
    first = {path.name for path in folder.rglob("*.deb")}
    make(m.out / "later")
    equal(len({path.name for path in folder.rglob("*.deb")} - first) > 0, True, "the later versions")
    equal(first - {path.name for path in folder.rglob("*.deb")}, set(), "versions that are gone")
    # Another content under a version that was given out.
    other = m.out / f"other {m.suite}"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(TREE / "target" / "deb", other, ignore=shutil.ignore_patterns("*.log", "*.buildinfo", "*.changes"))
    deb = next(other.rglob("*.deb"))
    deb.write_bytes(deb.read_bytes() + b"x")
    before = tree()
    holds(make(other, works=False), "with other content")
    (folder / "mine").write_text("a file of somebody\n")
    holds(make(TREE / "target" / "deb", works=False), "mine was not made by make-repo")
    (folder / "mine").unlink()
    equal(tree(), before, "the repository after refusals")
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work\n")
    holds(make(TREE / "target" / "deb", works=False), "was not made by make-repo")
    equal([path.name for path in folder.iterdir()], ["thesis.tex"])
    shutil.rmtree(folder)
    shutil.rmtree(other)


@starts("bare")
def case_a_program_of_another_version_or_with_a_builders_paths_is_not_packaged(m):
    check, program = TREE / "packaging" / "check-binary", m.out / f"program-{m.suite}"
    whole = Path(os.environ["TRADINGBOT_BINARY"]).read_bytes()

    def checked(content):
        program.write_bytes(content)
        program.chmod(0o755)
        done = subprocess.run([check, program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    equal(checked(whole), (0, ""), "the one that is packaged")
    for path in ("/home/ann/.cargo/registry/src/x-1/lib.rs", "/root/src/main.rs", f"{TREE}/src/main.rs", "/tmp/build/x.rs",
                 "/opt/cargo-home/registry/src/x-1/lib.rs", "/opt/rust/.rustup/toolchains/x"):
        code, said = checked(whole + f"\0{path}\0".encode())
        equal(code, 1, f"{path}: {said}")
        holds(said, "holds a path of the machine that built it", "packaging/build-release")
    code, said = checked(b"#!/bin/sh\necho tradingbot 9.9.9\n")
    equal(code, 1, said)
    holds(said, "debian/changelog is of version", "tradingbot 9.9.9")
    program.unlink()


@starts("installed")
def case_lintian_has_nothing_to_say(m):
    said = m.sh(f"lintian --pedantic --display-info --show-overrides --tag-display-limit 0 "
                f"--allow-root /srv/tradingbot/pool/{m.suite}/*.deb 2>&1", check=False, timeout=180)
    kept = [line for line in said.splitlines() if line and not line.startswith(("O: ", "N: "))]
    equal(kept, [], "what lintian has to say")
    m.note(f"{sum(line.startswith('O: ') for line in said.splitlines())} overrides, each with its reason")


@starts("installed")
def case_the_tests_of_the_package_itself_pass(m):
    for block in (TREE / "debian" / "tests" / "control").read_text(encoding="utf-8").split("\n\n"):
        command = next(line.split(": ", 1)[1] for line in block.splitlines() if line.startswith("Test-Command: "))
        m.sh(command)


@starts("installed")
def case_package_and_program_are_small(m):
    deb = next((TREE / "target" / "deb" / m.suite).glob("*.deb")).stat().st_size
    binary = m.path("/usr/bin/tradingbot").stat().st_size
    m.note(f"package {deb / 1e6:.2f} MB, program {binary / 1e6:.2f} MB")
    equal((deb <= DEB_BYTES_MAX, binary <= BINARY_BYTES_MAX), (True, True), f"{deb} and {binary} bytes are small enough")


@starts("installed")
def case_packed_again_elsewhere_and_at_another_time_it_is_the_same_to_the_byte(m):
    first = next((TREE / "target" / "deb" / m.suite).glob("*.deb"))
    elsewhere = m.out / f"elsewhere {m.suite}" / "deeper" / "tree"
    copy_tree(elsewhere)
    # The licences of the libraries are read where cargo keeps them, which is the home of the one who builds.
    rust = {f"{tool}_HOME": os.environ.get(f"{tool}_HOME", str(Path.home() / folder))
            for tool, folder in (("CARGO", ".cargo"), ("RUSTUP", ".rustup"))}
    environment = {**os.environ, **rust, "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "HOME": "/nonexistent"}
    subprocess.run(["sh", "-c", f"umask 077; exec packaging/build-deb {m.suite}"], cwd=elsewhere, env=environment,
                   stdout=subprocess.DEVNULL, check=True)
    second = next((elsewhere / "target" / "deb" / m.suite).glob("*.deb"))
    equal(digest(second), digest(first), "the same package, packed twice")
    shutil.rmtree(elsewhere.parents[1])


def copy_tree(to):
    """The sources, as they are, in another folder."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    copy = f"tar -c --exclude=./target --exclude=./.git . | tar -x -C '{to}'"
    subprocess.run(["bash", "-o", "pipefail", "-c", copy], cwd=TREE, check=True)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@starts("installed")
def case_every_link_in_the_documents_leads_somewhere_and_licences_are_there(m):
    folder = m.path("/usr/share/doc/tradingbot")
    documents = list(folder.rglob("*.md"))
    dangling = [f"{document.name}: {link}" for document in documents
                for link in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
                if "://" not in link and not (document.parent / link).exists()]
    equal((len(documents) > 10, dangling), (True, []), "links to nothing")
    for line in m.sh("grep -hod skip 'file:///[^ ]*' /usr/lib/systemd/system/tradingbot* | sort -u").split():
        equal(m.path(line.removeprefix("file://")).exists(), True, line)
    notices = m.sh("zcat /usr/share/doc/tradingbot/third-party-notices.gz")
    holds(notices, "\nring ", "\nrustls ", "\ntokio ", "Permission is hereby granted", "Apache License")
