# The first process of a machine in the machine: folders of its own in place of those that procedures change, and a network of its own.
# Arguments: where the machine's copy of /etc goes, and the folder of node.
set -e
etc=$1 node=$2
mount -t tmpfs -o mode=755 etc "$etc"
cp --archive /etc/. "$etc"
mount --bind "$etc" /etc
for folder in /run /srv /var/log /mnt /var/lib; do
  mount -t tmpfs -o mode=755 machine "$folder"
done
mkdir -p /etc/systemd/system /etc/ssl/moraine /var/log/nginx /var/lib/nginx /run/credentials /srv/node /srv/npm /srv/compiled
mkdir -p /mnt/backup /mnt/elsewhere /mnt/second-disk /mnt/new-disk
# A small disk, to be filled.
mount -t tmpfs -o mode=755,size=128m disk /mnt/new-disk
chmod 1777 /srv/compiled
mount --bind "$node" /srv/node
echo "127.0.0.1 glacier.example.com" >> /etc/hosts
python3 - <<'END'
import fcntl, socket, struct
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
with socket.socket() as any:
    request = struct.pack("16sh22x", b"lo", 0)
    flags = struct.unpack("16sh22x", fcntl.ioctl(any, SIOCGIFFLAGS, request))[1]
    fcntl.ioctl(any, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))
END
echo ready
# Bash waits for processes whose parents have ended.
while :; do
  sleep 3600 &
  wait $!
done
