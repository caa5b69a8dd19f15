#!/usr/bin/env bash
# A signer whose ledger was put back to an older copy: who is told so, what is refused meanwhile and by which number,
# and that nothing of what was agreed on before is good in the new epoch. What asks is a front-end that was captured.
set -u
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/e2e/signer_only.sh
. "$CHANCERY_SOURCE/tests/e2e/signer_only.sh"
signer_only_up
w=$STACK_DIR/work
mkdir -p "$w"
for name in alice sub; do
  openssl ecparam -name prime256v1 -genkey -noout -out "$w/$name.key"
  openssl ec -in "$w/$name.key" -pubout -out "$w/$name.pem" 2>/dev/null
  openssl ec -in "$w/$name.key" -pubout -outform DER -out "$w/$name.der" 2>/dev/null
  chmod 0644 "$w/$name.pem"
done
cat >>"$STACK_DIR/conf/signd.conf" <<-CONF
	classes = { root = { kinds = [ "ca", "subca-foreign" ]; }; };
	approvals = { approvers = ( { name = "alice"; key = "$w/alice.pem"; } ); new_ca = 1; subca_foreign = 1; };
CONF
END=$((EPOCHSECONDS + 200 * 86400))
export END
probe() { "$CHANCERY_BUILD/tests/e2e/approve_probe" "$STACK_DIR/sign/sign.sock" "$id" "$@"; }
proposed() { PROPOSE="$w/proposal" probe "$@"; }
propose() { proposed "$@" | cut -d' ' -f2; }
approve() { # PROPOSAL
  openssl dgst -sha256 -sign "$w/alice.key" -out "$w/sig" "$w/proposal"
  probe approve "$1" 0 "$w/alice.der" "$w/sig"
}
spend() { PROPOSAL=$1 probe "${@:2}"; }
refused() { like "$1" "^refused $2 " "${*:3}"; } # GOT CODE WHAT
mesh() { "$@" foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt"; }
stop() { kill -TERM "$signer" && wait "$signer"; }
start() {
  start_signer || {
    stack_show_logs
    fail "the signer starts"
    tap_done
  }
}
put_back() { # FOLDER: in place of the ledger
  stop
  rm -rf "$STACK_DIR/signer"
  cp -rp "$1" "$STACK_DIR/signer"
  start
}
records() { "$CHANCERY_BUILD/chancery" --json audit verify "$1/ledger" 2>/dev/null | jq .records; }
epoch() { "$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf" --epoch "$1" 2>&1; }

stop
start
root=$(probe create main)
mine=$(propose self "$root" Root)
approve "$mine" >/dev/null
like "$(spend "$mine" self "$root" Root)" '^done ' "a root"
waiting=$(mesh propose)
is "$(approve "$waiting")" "done 1 of 1" "somebody else's CA, which is approved"
cp "$w/proposal" "$w/waiting"
stop
cp -rp "$STACK_DIR/signer" "$w/old"
old=$(records "$w/old")
start
like "$(mesh spend "$waiting")" '^done ' "it is signed"

# The ledger of before that.
put_back "$w/old"
like "$(records "$STACK_DIR/signer")" "^$((old + 1))\$" "the signer says that it has started"
refused "$(probe hello $((old + 1)) 1)" 201 "that record is not the one that was known under its number"
refused "$(mesh spend "$waiting")" 217 "the approval that is on the older ledger allows nothing now"
refused "$(mesh proposed)" 217 "nothing is proposed"
refused "$(approve "$waiting")" 217 "nothing is approved"
refused "$(probe withdraw "$waiting")" 217 "nothing is withdrawn"
stop
start
refused "$(probe hello $((old + 1)) 1)" 201 "the same across a restart"
like "$(probe hello "$old" 1)" '^done epoch=1 ' "whoever knows less may look"
refused "$(mesh spend "$waiting")" 217 "and signs nothing"
like "$(epoch 'the disk is lost')" 'new epoch' "root opens an epoch"
refused "$(probe hello $((old + 1)) 1)" 218 "a database with one record of what is lost is told so"
refused "$(probe hello 1000000 1)" 218 "with many, too"
like "$(probe hello "$old" 1)" '^done epoch=2 ' "one without them goes on"
like "$(probe hello $((old + 1)) 2)" '^done epoch=2 ' "as does one of this epoch"
refused "$(mesh spend "$waiting")" 506 "the approvals of the old one are void"
cp "$w/waiting" "$w/proposal"
refused "$(approve "$waiting")" 506 "nobody approves it any more"
refused "$(probe withdraw "$waiting")" 506 "or withdraws it"
stop
start
refused "$(mesh spend "$waiting")" 506 "also after a restart"
like "$(probe hello "$old" 1)" '^done epoch=2 ' "in the same epoch"
refused "$(probe hello $((old + 1)) 1)" 218 "which is the newer one still"
again=$(mesh propose)
like "$again" '^00000002' "a new proposal is of the new epoch"
is "$(approve "$again")" "done 1 of 1" "it is approved"
like "$(mesh spend "$again")" '^done ' "and signed"

# Back once more, to before that epoch: its number is not given twice where somebody knows of it.
put_back "$w/old"
refused "$(probe hello 3 2)" 201 "a database of a later epoch knows more, however short it is"
refused "$(mesh spend "$again")" 217 "what was approved there"
like "$(epoch 'the disk is lost again')" 'new epoch' "root opens an epoch"
refused "$(probe hello $((old + 1)) 2)" 218 "of the lost epoch there is nothing"
refused "$(mesh spend "$waiting")" 506 "what was approved in the first"
refused "$(mesh spend "$again")" 506 "and in the lost second"
third=$(mesh propose)
like "$third" '^00000003' "this is the third"
is "$(approve "$third")" "done 1 of 1" "somebody approves"
like "$(mesh spend "$third")" '^done ' "and it is signed"

# What a captured front-end claims.
refused "$(probe hello 18446744073709551615 4294967295)" 201 "one that claims to know everything"
refused "$(mesh proposed)" 217 "stops the signer"
like "$(epoch 'it lied')" 'new epoch' "until root says otherwise"
like "$(mesh propose)" '^00000004' "and takes no number from it"

stop
signer=''
succeeds "an independent reader agrees with the ledger" python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$STACK_DIR/signer/ledger"
said=$("$CHANCERY_BUILD/chancery" --json audit verify "$STACK_DIR/signer/ledger")
is "$(jq -c '[.errors, .approved]' <<<"$said")" '[0,2]' "so does chancery audit verify"
tap_done
