"""Commands for who runs the host: doctor, credential seal, firewall; and what the journal's catalogue explains."""

import json

from cases.confinement import GUARDS
from cases.firewall import reaches, world
from cases.trouble import works
from machine import equal, holds, starts

SECRET = "head -c 24 /dev/urandom | base64 | tr -d '\\n'"
LOGIN = "ip netns exec world ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -i /root/key root@10.9.0.1"


def code_of(m, command):
    """A command's exit code, and all that it says."""
    text = m.sh(f"{command} 2>&1; echo code $?", check=False)
    said, code = text.rsplit("code ", 1)
    return int(code), said


def case_doctor_finds_every_layer_in_force(m):
    m.get("/v1/status")
    code, said = code_of(m, "tradingbot doctor --sandbox")
    equal(code, 0, said)
    for layer in ("unit", *GUARDS, "firewall", "landlock"):
        holds(said, f"{layer:<13} in force")
    report = json.loads(m.sh("tradingbot doctor --sandbox --json"))
    equal({layer["state"] for layer in report["layers"]}, {"in-force"})


def case_doctor_names_the_line_of_the_unit_that_was_removed(m):
    m.sh("ip link add name cable type veth peer name other")
    m.sh("sed -i '/^PrivateNetwork=yes/d' /usr/lib/systemd/system/tradingbot.service && systemctl daemon-reload")
    m.sh("systemctl restart tradingbot.service")
    code, said = code_of(m, "tradingbot doctor --sandbox")
    equal(code, 9, said)
    holds(said, "tradingbot.service: PrivateNetwork=yes is missing", "it sees the network (", "systemctl restart tradingbot.service")
    holds(said, "not in force as shipped: unit, network")


def case_doctor_names_what_a_drop_in_weakens_and_in_which_file(m):
    m.dropin("tradingbot.service", "wide", "[Service]\nSystemCallFilter=@mount\nBindReadOnlyPaths=/home\n")
    m.sh("systemctl restart tradingbot.service")
    code, said = code_of(m, "tradingbot doctor --sandbox")
    equal(code, 9, said)
    holds(said, "SystemCallFilter=@mount (/", "wide.conf) allows more", "BindReadOnlyPaths=/home (/")


def case_doctor_names_lost_limits_a_start_outside_of_the_sandbox_and_a_hole_in_the_firewall(m):
    m.get("/v1/status")
    unit, slice_ = "/usr/lib/systemd/system/tradingbot.service", "/usr/lib/systemd/system/tradingbot.slice"
    m.sh(f"sed -i '/^TasksMax=/d;/^Wants=/d' {unit} && sed -i '/^IPAddressDeny=/d' {slice_}")
    m.dropin("tradingbot.service", "wide", "[Service]\nExecStart=\nExecStart=+/usr/bin/tradingbot run\nMemoryMax=1G\n")
    m.sh("nft flush chain inet tradingbot bot && nft add rule inet tradingbot bot tcp dport 443 drop")
    code, said = code_of(m, "tradingbot doctor --sandbox")
    equal(code, 9, said)
    holds(said, "TasksMax=32 is missing", "Wants=tradingbot-firewall.service is missing", "MemoryMax=1G (/",
          "tradingbot.slice: IPAddressDeny=any is missing", "ExecStart=+/usr/bin/tradingbot run (/", "chain bot: tcp dport 443 drop")


def case_doctor_says_what_it_cannot_know(m):
    m.sh("systemctl stop tradingbot.service")
    code, said = code_of(m, "tradingbot doctor --sandbox")
    holds(said, "running bot   not known  the bot does not run: systemctl start tradingbot.service")
    equal(code, 9 if "MISSING" in said else 1, said)
    m.sh("systemctl start tradingbot.service")
    code, said = code_of(m, "runuser -u olga -- tradingbot doctor --sandbox")
    equal(code, 1, said)
    holds(said, "run this as root")


def case_a_secret_is_sealed_by_one_command_and_loaded(m):
    m.sh(f"{SECRET} > /root/secret")
    holds(m.sh("tradingbot credential seal binance-secret < /root/secret"), "sealed", "daemon-reload")
    equal(m.sh("stat -c %a /etc/credstore.encrypted/tradingbot/binance-secret").strip(), "600")
    sealed = "/etc/credstore.encrypted/tradingbot/binance-secret"
    equal(m.sh(f"systemd-creds decrypt --name=binance-secret {sealed} -"), m.path("/root/secret").read_text())
    mark = m.mark()
    m.sh("systemctl daemon-reload && systemctl restart tradingbot.service")
    works(m)
    holds(m.journal(mark), "secret taken name=BINANCE_SECRET")
    holds(m.sh("tradingbot credential seal binance-secret --bot two < /root/secret"), "tradingbot@two")
    code, said = code_of(m, "tradingbot credential seal binance-secret < /root/secret")
    equal(code, 2, said)
    holds(said, "--replace puts a new one there")
    for words, value in (("is empty", ""), ("is longer than", "x" * 2000)):
        m.write("/root/wrong", value)
        code, said = code_of(m, "tradingbot credential seal --replace binance-secret < /root/wrong")
        equal(code, 8, said)
        holds(said, f"binance-secret is refused: it {words}")
    m.sh("tradingbot credential seal --replace binance-secret < /root/secret && systemctl restart tradingbot.service")
    works(m)


def case_a_sealed_secret_in_the_place_of_another_is_a_failure(m):
    m.sh(f"{SECRET} | tradingbot credential seal binance-secret")
    m.sh(f"{SECRET} | tradingbot credential seal binance-api-key && systemctl daemon-reload")
    m.sh("systemctl restart tradingbot.service")
    works(m)
    m.sh("cp /etc/credstore.encrypted/tradingbot/binance-api-key /etc/credstore.encrypted/tradingbot/binance-secret")
    mark = m.mark()
    m.fails("systemctl restart tradingbot.service")
    holds(m.everything_said(mark), "Failed to set up credentials")
    m.sh("rm /etc/credstore.encrypted/tradingbot/binance-secret")
    m.fails("systemctl restart tradingbot.service")
    equal("secret taken" in m.journal(mark), False, "it ran without it")


def case_the_first_admin_token_can_be_a_credential_of_which_the_host_has_the_hash(m):
    m.get("/v1/status")
    drawn = json.loads(m.sh("tradingbot token draw --json"))
    m.write("/root/hash", drawn["sha256"])
    m.sh("tradingbot credential seal admin-token-hash < /root/hash && systemctl daemon-reload")
    equal(m.get("/v1/status", drawn["token"])[0], 401, "before it was loaded")
    m.sh("systemctl restart tradingbot.service")
    equal(m.get("/v1/status", drawn["token"])[0], 200, "once it was loaded")
    equal(m.get("/v1/status", m.token)[0], 200, "the token of the file")
    m.write("/root/hash", "not a hash")
    m.sh("tradingbot credential seal --replace admin-token-hash < /root/hash")
    mark = m.mark()
    m.fails("systemctl restart tradingbot.service")
    holds(m.journal(mark), "the credential admin-token-hash is no hash such as")


def case_the_table_of_what_goes_out_is_shown_loaded_and_removed(m):
    m.sh("systemctl stop tradingbot.service tradingbot-firewall.service")
    holds(m.sh("tradingbot firewall show"), "outgoing: not loaded", "incoming: not loaded")
    holds(m.sh("tradingbot firewall apply"), "table inet tradingbot is loaded")
    holds(m.sh("tradingbot firewall show"), "outgoing: table inet tradingbot", "refused")
    m.get("/v1/status")
    holds(m.sh("tradingbot firewall remove"), "is removed")
    m.sh("systemctl restart tradingbot.service")
    works(m)
    equal("table inet tradingbot" in m.sh("nft list tables"), False, "it came back")
    holds(m.sh("tradingbot firewall apply"), "is loaded")
    code, said = code_of(m, "runuser -u olga -- tradingbot firewall show")
    equal(code, 77, said)
    holds(said, "only root")


@starts("installed")
def case_what_denies_what_comes_in_is_taken_back_unless_it_is_confirmed(m):
    world(m)
    equal(code_of(m, "tradingbot firewall confirm")[0], 77)
    # The two minutes, cut short; it is the timer itself that ends the trial.
    m.dropin("tradingbot-ingress-trial.timer", "short", "[Timer]\nOnActiveSec=\nOnActiveSec=5s\n")
    holds(m.sh("tradingbot firewall apply --ingress"), "on trial")
    holds(m.sh("tradingbot firewall show"), "is on trial")
    equal(reaches(m, 9000), False, "on trial")
    m.eventually(lambda: "tradingbot_ingress" not in m.sh("nft list tables"), "the timer takes it back", 15)
    equal(reaches(m, 9000), True, "taken back")
    equal(m.sh("systemctl is-enabled tradingbot-ingress.service", check=False).strip(), "disabled")


@starts("installed")
def case_the_trial_lasts_two_minutes(m):
    m.sh("tradingbot firewall apply --ingress")
    holds(m.show("tradingbot-ingress-trial.timer", "TimersMonotonic"), "OnActiveUSec=2min ")


@starts("installed")
def case_it_is_confirmed_only_over_a_connection_that_came_in_under_it(m):
    world(m)
    m.sh("ssh-keygen -q -t ed25519 -N '' -f /root/key && install -D -m 0600 /root/key.pub /root/.ssh/authorized_keys")
    m.sh(f"{LOGIN} -M -S /root/old -N -f")
    m.sh("tradingbot firewall apply --ingress")
    equal((reaches(m, 443), reaches(m, 9000)), (True, False), "a connection to 443")
    refused(m, f"{LOGIN} -S /root/old tradingbot firewall confirm", "this connection is older than the rules")
    # As in tmux: a shell that was started over the old connection and belongs to no connection any more.
    detached = "setsid --fork sh -c 'sleep 0.5; tradingbot firewall confirm; echo code \\$?' >/root/said 2>&1 </dev/null"
    for port in (443, 22):
        equal(reaches(m, port), True, f"a connection to {port}")
        m.sh(f"{LOGIN} -S /root/old \"{detached}\"")
        said = m.eventually(lambda: m.sh("grep -s -B 9 '^code' /root/said", check=False), "what it says")
        holds(said, "it cannot be told over which connection this came in", "outside of tmux or screen", "code 77")
        m.sh("rm /root/said")
    equal(m.state("tradingbot-ingress-trial.timer"), "active", "it is still on trial")
    m.sh("tradingbot firewall remove --ingress && tradingbot firewall apply --ingress")
    equal(reaches(m, 443), True, "a connection to 443")
    m.sh("install -m 0600 /root/key /root/inner")
    inner = "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -i /root/inner root@127.0.0.1"
    refused(m, f"{LOGIN} -S /root/old {inner} tradingbot firewall confirm", "no ssh connection has come in under the rules yet")
    holds(m.sh(f"{LOGIN} tradingbot firewall confirm"), "stays, over restarts too")
    equal(m.state("tradingbot-ingress-trial.timer"), "inactive")
    equal((reaches(m, 22), reaches(m, 9000)), (True, False), "confirmed")
    m.restart()
    holds(m.sh("nft list tables"), "table inet tradingbot_ingress")
    holds(m.sh("tradingbot firewall remove --ingress"), "is removed")
    equal("tradingbot_ingress" in m.sh("nft list tables"), False, "it is still there")
    equal(m.sh("systemctl is-enabled tradingbot-ingress.service", check=False).strip(), "disabled")


def refused(m, command, why):
    """Runs `firewall confirm` in a way that must not be believed."""
    code, said = code_of(m, command)
    equal(code, 77, said)
    holds(said, why)


def case_the_journal_explains_each_kind_of_record(m):
    m.get("/v1/status")
    m.sh("tradingbot resume --reason 'a test'")
    said = m.sh("journalctl -x -u tradingbot.service --no-pager -o short")
    for subject in ("The bot started a run", "The sandbox is in force", "The bot serves", "Trading goes on"):
        holds(said, f"Subject: {subject}")
    holds(said, "Defined-By: tradingbot", "tradingbot resume --reason WHY")
    m.path("/etc/tradingbot/tradingbot.toml").write_text("mode = 'sleep'\n")
    m.fails("systemctl restart tradingbot.service")
    records = m.records()
    equal([record["MESSAGE"] for record in records if "MESSAGE_ID" not in record], [], "records of no kind")
    refused = [record for record in records if record["MESSAGE"].startswith("error: ")]
    equal({record["PRIORITY"] for record in refused}, {"3"}, "how loud a refusal is")
    kinds = {record["MESSAGE_ID"] for record in records}
    known = m.sh("journalctl --list-catalog --no-pager")
    equal([kind for kind in kinds if kind not in known], [], "kinds of records without an explanation")
