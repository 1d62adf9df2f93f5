# The lease guard as it stands before a machine's start script. `snippet.py` drops these comment
# lines and the indentation, and fills in what stands between @ signs. The text travels in the
# variable G, so the process list shows `sh -c eval "$G" vmcp-guard`, which no `pkill -f python`
# hits: it must hold no single quote.
if [ "${CONTAINER_ID:-}" ];then
# Signals are ignored from the first moment: a script that ends with `kill 0` may be faster than
# setsid. What is started below inherits that, so `timeout` has to kill.
(trap "" HUP INT PIPE TERM
G='cd /
h=${HOME:-/root} i=@INTENT@ w=0@IDLE_START@
d=$h/.vmcp;mkdir -p $d
# The machine's own key; where it is not told, from the file that the vendor leaves, else as the
# vendor makes it (from what it wrote into authorized_keys, so without the line added below).
K=$CONTAINER_API_KEY
[ "$K" ]||K=$(head -n1 $h/.vast_api_key)
[ "$K" ]||K=$(grep -v vmcp$ $h/.ssh/authorized_keys|md5sum|cut -c-32)$(printf %s "$VAST_CONTAINERLABEL"|md5sum|cut -c-32)
# The minute now, or so many minutes on: twelve digits that compare as numbers.
t(){ date -u ${1:+-d@$(($(date +%s)+$1*60))} +%Y%m%d%H%M;}
# Ask the vendor (method, query, body): curl, else wget, else python3.
q(){ set -- $1 "@BASE@/api/v0/instances/$CONTAINER_ID/$2" "$3" "Authorization:Bearer $K" Content-Type:application/json
curl -qgfsm20 -X$1 -H"$4" -H$5 ${3:+-d$3} "$2"||
timeout -s9 25 wget -qO- -t1 --method=$1 --header="$4" --header=$5 ${3:+--body-data=$3} "$2"||
timeout -s9 25 python3 -c "import sys
from urllib.request import*
_,m,u,d,*h=sys.argv
sys.stdout.buffer.write(urlopen(Request(u,d.encode()or None,dict(x.split(\":\",1)for x in h),method=m)).read())" "$@";}
# Tell the log and every open terminal; in the background, since one halted by Ctrl-S would hold it.
s(){ echo "$*";for p in /dev/pts/[0-9]*;do (echo "$*">$p)&done;}
# Let SSH in: the vendor delivers authorized_keys with an owner or modes for which a strict sshd
# refuses every key, on a restart only with the account's keys, and its images put each login into
# tmux, which swallows `ssh host command`. Where /root is not ours, the user is another one.
f(){ r=/root;[ -w $r ]||r=$h
a=$r/.ssh/authorized_keys
touch $r/.no_auto_tmux;mkdir -p $r/.ssh
[ -z "@KEY@" ]||grep -qsF "@KEY@" $a||echo "
@KEY@ vmcp">>$a
chown $(id -u):$(id -g) $r $r/.ssh $a;chmod go-w $r;chmod 700 $r/.ssh;chmod 600 $a;}
f
# What no label can pass. It counts from the container's start, because start_instance gives an old
# machine a new lease; where `date` cannot add, the absolute one from its creation holds.
C=$(t @SPAN@)||C=@CEILING@
# The last deadline known is kept on the disk, so that a wiped label or an unreachable vendor after a
# reboot neither shortens nor lengthens a lease.
U=$(grep -xE "20[0-9]{10}" $d/$i)||U=@UNTIL@
while :;do
# Believed only at the end of the field `label`, behind our own owner and intent: inside a JSON
# string every quote is escaped, so no other text can look like that.
l=$(q GET "?owner=me"|LC_ALL=C sed -nE "s/.*\"label\": *\"(([^\"\\\\]|\\\\.)* )?vm1\.@OWNER@\.$i\.until-([0-9]{12})Z\.m[0-9a-f]{8}\".*/\3/p"|tail -n1)
case $l in ""|$U);;*)U=$l;echo $l>$d/$i;esac
E=$U;[ $E -gt $C ]&&E=$C
# Standard output is let go after the first look, or a `script | tee` around it would never end.
[ "$o" ]||{ echo "vmcp-guard armed until ${E}Z";L=$d/guard.log;touch $L||L=/dev/null;exec >>$L;}
[ "$o" = $E ]||o=$E n=99
for k in 10 30;do [ $n -gt $k ]&&[ $(t $k) -ge $E ]&&n=$k&&s "vmcp-guard: machine stops at ${E}Z, in $k min";done
# A job that runs is told to end two minutes before: the server that began it may be off. Once, by
# whichever of the two is first; one that has ended has a number that may be another's by now.
[ $(t 2) -ge $E ]&&for j in $d/*/pid /root/.vmcp/*/pid;do p=${j%pid}
[ ! -e $j ]||[ -e ${p}exit ]||[ -e ${p}term ]||{ touch ${p}term;kill -15 -$(cat $j);};done
@IDLE_LOOK@
if [ $(t) -ge $E ]@IDLE_END@;then
# The first look past the end does not stop: an extension may be a moment old. The second does, and
# every later one, until the machine is down or the label has a new end.
    if [ $w -gt 0 ];then q PUT "" {\"state\":\"stopped\"}|grep -q "success\": *true"&&w=60;else s "vmcp-guard: stopping";fi
    w=$((w*2+8));[ $w -gt 60 ]&&w=60
    sleep $w
# In the first two minutes the vendor may still write the file again.
else w=0
    if [ ${y:=0} -lt 2 ];then y=$((y+1));for k in 1 2 3 4 5 6;do f;sleep 10;done;else sleep 60;fi
fi
# A session of its own, behind a subshell: it is nobody's job, so `wait`, `kill 0` or the end of the
# user's script neither wait for it nor end it, and `$?`, `$!` and options are as they were.
done' $(command -v setsid||command -v nohup) sh -c 'eval "$G"' vmcp-guard </dev/null 2>/dev/null&)
else echo vmcp-guard off: no CONTAINER_ID;fi
