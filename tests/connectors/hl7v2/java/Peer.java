import ca.uhn.hl7v2.AcknowledgmentCode;
import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.HapiContext;
import ca.uhn.hl7v2.app.Connection;
import ca.uhn.hl7v2.app.HL7Service;
import ca.uhn.hl7v2.llp.MinLowerLayerProtocol;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.model.v25.message.REF_I12;
import ca.uhn.hl7v2.model.v25.segment.MSH;
import ca.uhn.hl7v2.protocol.ReceivingApplication;
import ca.uhn.hl7v2.protocol.ReceivingApplicationExceptionHandler;
import ca.uhn.hl7v2.util.Terser;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** A hospital's interface engine made of HAPI, its default validation on. Prints what it understood, tab between. */
public class Peer {
    static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    public static void main(String[] args) throws Exception {
        HapiContext context = new DefaultHapiContext();
        context.setLowerLayerProtocol(new MinLowerLayerProtocol(true));
        if (args[0].equals("send")) {
            send(context, Integer.parseInt(args[1]), args[2], args[3], Integer.parseInt(args[4]));
        } else {
            receive(context, Integer.parseInt(args[1]), Integer.parseInt(args[2]));
        }
        context.close();
        System.exit(0);
    }

    /** Sends COUNT referrals in a charset of table 0211; MODE is MSH-15:MSH-16, '-' for the original mode. */
    static void send(HapiContext context, int port, String charset, String mode, int count) throws Exception {
        Connection connection = context.newClient("127.0.0.1", port, false);
        connection.getInitiator().setTimeout(20, TimeUnit.SECONDS);
        for (int n = 1; n <= count; n++) {
            Message answer = connection.getInitiator().sendAndReceive(referral(charset, mode, n));
            Terser terser = new Terser(answer);
            OUT.println(String.join("\t", answer.getName(), told(terser, "MSA-1"), told(terser, "MSA-2"),
                    told(terser, "MSH-9-3"), told(terser, "MSH-18"), told(terser, ".RF1-1-1"), told(terser, ".RF1-6-1"),
                    told(terser, "NTE-3"), told(terser, ".ERR-2"), told(terser, ".ERR-3-1")));
        }
        connection.close();
    }

    static REF_I12 referral(String charset, String mode, int n) throws Exception {
        REF_I12 message = new REF_I12();
        message.initQuickstart("REF", "I12", "P");
        MSH msh = message.getMSH();
        msh.getSendingApplication().getNamespaceID().setValue("HIS");
        msh.getSendingFacility().getNamespaceID().setValue("JEIL");
        msh.getReceivingApplication().getNamespaceID().setValue("IEUM");
        msh.getReceivingFacility().getNamespaceID().setValue("CITY");
        msh.getMessageControlID().setValue("HAPI" + n + mode);
        msh.getCharacterSet(0).setValue(charset);
        if (!mode.equals("-")) {
            msh.getAcceptAcknowledgmentType().setValue(mode.split(":")[0]);
            msh.getApplicationAcknowledgmentType().setValue(mode.split(":")[1]);
        }
        Terser terser = new Terser(message);
        terser.set("RF1-1-1", "P");
        terser.set("RF1-2-1", "S");
        terser.set("RF1-3-1", "discharge_care");
        terser.set("RF1-3-2", "퇴원돌봄");
        terser.set("RF1-3-3", "99IEUM");
        terser.set("RF1-6-1", "HAPI-26-" + n);
        terser.set("RF1-7", "20261117091500");
        terser.set("PROVIDER_CONTACT/PRD-1-1", "RP");
        terser.set("PROVIDER_CONTACT/PRD-2-1", "김");
        terser.set("PROVIDER_CONTACT/PRD-2-2", "민호");
        terser.set("PID-3-1", "0088" + n);
        terser.set("PID-3-5", "MR");
        terser.set("PID-5-1", "박");
        terser.set("PID-5-2", "순자");
        terser.set("PID-7-1", "19480302");
        terser.set("PID-8", "F");
        terser.set("PID-11-1", "진주시 진주대로 1052 101-1203");
        terser.set("PID-13-1", "01023456789");
        message.getNTE(0).getComment(0).setValue("외래에서 재의뢰");
        return message;
    }

    /** Listens, parses COUNT messages, answers each with the ACK that HAPI makes of it. */
    static void receive(HapiContext context, int port, int count) throws Exception {
        CountDownLatch left = new CountDownLatch(count);
        HL7Service service = context.newServer(port, false);
        service.registerApplication("RRI", "*", new ReceivingApplication<Message>() {
            public Message processMessage(Message message, Map<String, Object> about) {
                try {
                    Terser terser = new Terser(message);
                    OUT.println(String.join("\t", message.getClass().getSimpleName(), told(terser, "MSH-9-2"),
                            told(terser, "MSH-10"), told(terser, "MSH-18"), told(terser, ".RF1-1-1"),
                            told(terser, ".RF1-6-1"), told(terser, ".RF1-11-1"), told(terser, ".PID-3-1"),
                            told(terser, "NTE-3"), told(terser, ".ZIU-2"), told(terser, ".ZIU-3"),
                            told(terser, ".ERR-2"), told(terser, ".ERR-8")));
                    Message answer = message.generateACK(AcknowledgmentCode.AA, null);
                    left.countDown();
                    return answer;
                } catch (Exception wrong) {
                    throw new RuntimeException(wrong);
                }
            }

            public boolean canProcess(Message message) {
                return true;
            }
        });
        service.setExceptionHandler(new ReceivingApplicationExceptionHandler() {
            public String processException(String in, Map<String, Object> about, String out, Exception wrong) {
                OUT.println("REFUSED\t" + wrong.getMessage());
                return out;
            }
        });
        service.startAndWait();
        OUT.println("listening");
        left.await(60, TimeUnit.SECONDS);
        Thread.sleep(300);
        service.stopAndWait();
    }

    static String told(Terser terser, String place) {
        try {
            String found = terser.get(place.startsWith(".") ? "/" + place : place);
            return found == null ? "" : found;
        } catch (Exception missing) {
            return "";
        }
    }
}
