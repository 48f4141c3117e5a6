# Prints what an interactive zsh offers at the end of a line, one offer a line.
# Usage: zsh -f completions_peer.zsh SCRIPT LINE
# A second zsh runs on a pseudo-terminal; its compadd, which takes all offers, prints them.
zmodload zsh/zpty || exit 2
setup=$(mktemp) && trap 'rm -f $setup' EXIT
cat > $setup <<'SETUP'
PROMPT=
autoload -U compinit && compinit -u -D
zmodload zsh/zutil
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
mark() { print -r -- "=offers=" }
compprefuncs=(mark)
comppostfuncs=(mark exit)
compadd() {
  # With -O, -A or -D the caller only asks what matches.
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
  local -a offers
  builtin compadd -A offers "$@"
  local offer
  for offer in $offers; do print -r -- "offer=$IPREFIX$offer"; done
  (( $#offers ))
}
SETUP
zpty offers zsh -f -i
zpty -w offers "source $setup && source ${(q)1} && print re''ady"
while zpty -r offers line; do [[ $line == *ready* ]] && break; done
zpty -w -n offers "$2"$'\t'
integer marks=0
while (( marks < 2 )) && zpty -r offers line; do
  [[ $line == *=offers=* ]] && marks+=1
  [[ $line == *offer=* ]] && print -r -- "${${line##*offer=}%%$'\r'*}"
done
exit 0
