"""What is left behind."""

from files import KEPT, SOURCE, leaves_exactly
from machine import equal, holds


def remove(m):
    equal(m.get("/v1/status", m.token)[0], 200)
    m.sh("apt-get remove --yes tradingbot", timeout=120)


def case_removal_stops_everything(m):
    m.sh("cp -p /etc/tradingbot/tradingbot.toml /etc/tradingbot/two.toml && systemctl start tradingbot@two.socket")
    m.status("/run/tradingbot/two/control.sock")
    remove(m)
    equal(m.sh("ss --no-header --listening --tcp --numeric"), "", "listeners")
    equal(m.sh("systemctl list-units --no-legend --plain --all 'tradingbot*' | grep -v not-found", check=False), "", "units")
    equal("tradingbot" in m.sh("nft list tables"), False, "the table")
    equal(m.sh("ps -u tradingbot -o comm=", check=False), "", "processes")


def case_removal_keeps_exactly_config_and_ledger(m):
    remove(m)
    leaves_exactly(m, KEPT, SOURCE)


def case_a_removed_package_comes_back_as_it_was(m):
    before = m.status()
    remove(m)
    m.sh("apt-get install --yes tradingbot", timeout=120)
    m.sh("systemctl start tradingbot.socket")
    equal(m.get("/v1/status", m.token)[0], 200)
    equal(m.status()["run"], before["run"] + 1, "the run after the one before")
    equal(m.sh("systemctl is-enabled tradingbot.socket").strip(), "enabled")


def case_a_removal_says_loudly_that_every_port_opens_and_an_installation_closes_them_again(m):
    m.sh("systemctl enable --now tradingbot-ingress.service")
    text = m.sh("apt-get remove --yes tradingbot", timeout=120)
    holds(text, "tradingbot: ATTENTION:", "every port of this host is open again")
    equal("tradingbot_ingress" in m.sh("nft list tables"), False, "the table once removed")
    m.sh("apt-get install --yes tradingbot", timeout=120)
    equal(m.state("tradingbot-ingress.service"), "active")
    holds(m.sh("nft list tables"), "tradingbot_ingress")
    m.sh("tradingbot firewall remove --ingress")
    equal("ATTENTION" in m.sh("apt-get remove --yes tradingbot", timeout=120), False, "it warns of nothing")
    m.sh("apt-get install --yes tradingbot", timeout=120)
    equal("tradingbot_ingress" in m.sh("nft list tables"), False, "it was not asked for")


def case_a_package_that_is_removed_before_it_is_configured_leaves_nothing_open(m):
    equal(m.get("/v1/status", m.token)[0], 200)
    m.sh(f"dpkg --unpack /srv/second/pool/{m.suite}/*.deb && dpkg --remove tradingbot", timeout=120)
    equal(m.sh("ss --no-header --listening --tcp --numeric"), "", "listeners")
    equal(m.sh("ps -u tradingbot -o comm=", check=False), "", "processes")
    equal("tradingbot" in m.sh("nft list tables"), False, "the table")


def case_purge_asks_nothing_and_leaves_nothing_but_the_user(m):
    m.sh("cp -p /etc/tradingbot/tradingbot.toml /etc/tradingbot/two.toml")
    m.sh("systemctl enable --now tradingbot@two.socket && systemctl enable tradingbot@two.service")
    m.status("/run/tradingbot/two/control.sock")
    equal(m.get("/v1/status", m.token)[0], 200)
    m.sh("apt-get purge --yes tradingbot", timeout=120)
    leaves_exactly(m, SOURCE)
    holds(m.sh("getent passwd tradingbot"), "tradingbot")
    equal("tradingbot" in m.sh("nft list tables"), False, "the table")
    equal(m.sh("ls -d /run/tradingbot* /run/systemd/system/tradingbot* 2>/dev/null", check=False), "", "in /run")
    equal(m.sh("systemctl --failed --no-legend --plain"), "", "units that failed")


def case_purge_takes_along_what_the_firewall_commands_left(m):
    m.sh("systemctl enable --now tradingbot-ingress.service && tradingbot firewall remove")
    holds(m.sh("nft list tables"), "tradingbot_ingress")
    m.sh("apt-get purge --yes tradingbot", timeout=120)
    equal(m.sh("nft list tables"), "", "tables")
    leaves_exactly(m, SOURCE)


def case_purge_after_removal_leaves_the_same(m):
    remove(m)
    m.sh("apt-get purge --yes tradingbot", timeout=120)
    leaves_exactly(m, SOURCE)
